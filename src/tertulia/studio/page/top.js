// The line at the top: home, the talk's title, past talks, search, sharing, light and dark, keys.
import { Dialog } from "./dialog.js";
import { html, useEffect } from "./html.js";
import { iconButton } from "./icons.js";
import { helping } from "./keys.js";
import { Past } from "./past.js";
import { Search } from "./search.js";
import { Sharing } from "./sharing.js";
import { opened, path, talk } from "./state.js";
import { changeTalk, startTalk, wholeTurn } from "./talks.js";
import { nextTheme, theme } from "./theme.js";

const DIALOGS = { past: ["Past talks", Past], search: ["Search", Search], share: ["Share", Sharing] };
const THEMES = { system: "system", light: "sun", dark: "moon" };

const nameOf = ({ title, scene }) => title || `${scene.agent} and ${scene.user}`;

/** A new talk on the stage of the open one; a greeting that nobody had to think of begins it, too. */
export async function newTalk() {
  const { scene, agent_name: agent } = talk.value;
  const [first] = path.value;
  const greets = first?.speaker === scene.agent && !(await wholeTurn(first.id).catch(() => first)).reply;
  const turns = greets ? [{ speaker: first.speaker, text: first.text, image: first.image ?? "" }] : [];
  return startTalk({ scene: { ...scene, turns }, agent });
}

export function Top() {
  const open = (name) => () => (opened.value = name);
  const name = talk.value ? nameOf(talk.value) : "";
  useEffect(() => {
    document.title = name ? `${name} · Tertulia` : "Tertulia";
  }, [name]);
  return html`<header class="top">
      <a class="brand" href="#/" aria-label="Tertulia: all scenes"><img src="/studio/icon.svg" alt="" width="26" height="26" /><span>tertulia</span></a>
      ${talk.value ? html`<${Title} key=${talk.value.id} />` : html`<span class="space"></span>`}
      ${talk.value && iconButton("plus", "A new talk on this stage (N)", newTalk)}
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
  return html`<input class="title" dir="auto" aria-label="Title of this talk" value=${talk.value.title ?? ""} placeholder=${nameOf({ ...talk.value, title: "" })} maxlength="200"
    onChange=${change} onKeyDown=${(event) => event.key === "Enter" && event.target.blur()} />`;
}
