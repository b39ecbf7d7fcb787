"use client";

import { useEffect } from "react";
import { kept } from "@/lib/storage";
import { showToast } from "@/lib/toasts";

const HOUR = 3_600_000;

/** Has the browser keep the page, so that it opens without a network; the first load does not wait for that. */
export function OfflineCopy() {
  useEffect(() => {
    if (process.env.NODE_ENV !== "production") return;
    const register = () => void keepPage().catch(() => {}); // a browser that keeps nothing
    if (document.readyState === "complete") register();
    else window.addEventListener("load", register, { once: true });
  }, []);
  return null;
}

/** Also look for a new build of the page, which a tab that is open for days would never hear of. */
async function keepPage(): Promise<void> {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  let isFirst = workers.controller === null;
  workers.addEventListener("controllerchange", () => {
    if (!isFirst) sayIsNew();
    isFirst = false;
  });
  const registration = await workers.register("/sw.js");
  setInterval(() => void registration.update().catch(() => {}), HOUR);
}

function sayIsNew(): void {
  showToast({
    tone: "news",
    message: `There is a new version of this page.${kept ? " What you are writing is kept." : ""}`,
    action: { label: "Load it", run: () => window.location.reload() },
  });
}
