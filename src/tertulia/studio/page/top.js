// The line at the top: home, the talk's title, past talks, search, sharing, light and dark, keys.
import { Dialog } from "./dialog.js";
import { html, signal } from "./html.js";
import { iconButton } from "./icons.js";
import { helping } from "./keys.js";
import { Past } from "./past.js";
import { Search } from "./search.js";
import { Sharing } from "./sharing.js";
import { talk } from "./state.js";
import { changeTalk } from "./talks.js";
import { nextTheme, theme } from "./theme.js";

/** Which dialog of the top line is open: "" | "past" | "search" | "share". */
export const opened = signal("");
const DIALOGS = { past: ["Past talks", Past], search: ["Search", Search], share: ["Share", Sharing] };
const THEMES = { system: "system", light: "sun", dark: "moon" };

export function Top() {
  const open = (name) => () => (opened.value = name);
  return html`<header class="top">
      <a class="brand" href="#/" aria-label="Tertulia: all scenes"><img src="/studio/icon.svg" alt="" width="26" height="26" /><span>tertulia</span></a>
      ${talk.value ? html`<${Title} key=${talk.value.id} />` : html`<span class="space"></span>`}
      ${iconButton("talks", "Past talks (P)", open("past"))}
      ${iconButton("search", "Search past talks (/)", open("search"))}
      ${talk.value && iconButton("share", "Share: export, import, a page to read", open("share"))}
      ${iconButton(THEMES[theme.value], `Colours: ${theme.value} (T)`, nextTheme)}
      ${iconButton("keys", "Keys (?)", () => (helping.value = true))}
    </header>
    ${opened.value && html`<${Opened} name=${opened.value} />`}`;
}

function Opened({ name }) {
  const [label, Inside] = DIALOGS[name];
  const close = () => (opened.value = "");
  return html`<${Dialog} label=${label} close=${close}><${Inside} onClose=${close} /></${Dialog}>`;
}

function Title() {
  const change = (event) => {
    const title = event.target.value.trim();
    if (title !== (talk.value.title ?? "")) changeTalk({ title });
  };
  return html`<input class="title" aria-label="Title of this talk" value=${talk.value.title ?? ""} placeholder=${`${talk.value.scene.agent} and ${talk.value.scene.user}`} maxlength="200"
    onChange=${change} onKeyDown=${(event) => event.key === "Enter" && event.target.blur()} />`;
}
