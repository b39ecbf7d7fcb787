/** Where the API is: the page's own origin, unless the page is served from elsewhere (`npm run dev`). */
export const API_URL = process.env.NEXT_PUBLIC_API_URL ?? "";
