// Light and dark: what the system prefers, unless the person chose.
import { signal } from "./html.js";
import { keep, kept } from "./kept.js";

const KEY = "tertulia.theme";
const NEXT = { system: "light", light: "dark", dark: "system" };
export const theme = signal(kept(KEY) || "system");

export function followTheme() {
  theme.subscribe((name) => {
    document.documentElement.dataset.theme = name;
    keep(KEY, name);
  });
}

export const nextTheme = () => (theme.value = NEXT[theme.value] ?? "system");
