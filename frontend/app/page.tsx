import { Welcome } from "@/components/welcome";

export default function WelcomePage() {
  return <Welcome />;
}
