/** The mark: a box whose tick does not stop at its edge. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" fill="none" aria-hidden="true" className={className} width={28} height={28}>
      <path
        d="M20.5 6.5H9.5a4 4 0 0 0-4 4v12a4 4 0 0 0 4 4h12a4 4 0 0 0 4-4v-7"
        stroke="currentColor"
        strokeWidth="2.4"
        strokeLinecap="round"
        className="text-ink"
      />
      <path
        d="M10.5 15.5c2.3 1.4 3.8 3.4 5 6 3-7.6 7.5-13.5 14-18"
        stroke="currentColor"
        strokeWidth="3.4"
        strokeLinecap="round"
        strokeLinejoin="round"
        className="text-pen"
      />
    </svg>
  );
}
