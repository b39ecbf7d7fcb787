import type { Metadata } from "next";
import { ConsentPage } from "@/components/consent-page";

export const metadata: Metadata = { title: "Connect an app", referrer: "no-referrer" };

export default function Consent() {
  return <ConsentPage />;
}
