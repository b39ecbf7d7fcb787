"use client";

import { chooseNextTheme, useTheme } from "@/lib/theme";
import { Monitor, Moon, Sun } from "./icons";
import { Button } from "./ui/button";

const ICONS = { system: Monitor, light: Sun, dark: Moon };

export function ThemeToggle() {
  const theme = useTheme();
  const Icon = ICONS[theme];
  return (
    <Button
      variant="ghost"
      size="icon"
      aria-label={`Theme: ${theme}`}
      title={`Theme: ${theme}`}
      onClick={chooseNextTheme}
    >
      <Icon />
    </Button>
  );
}
