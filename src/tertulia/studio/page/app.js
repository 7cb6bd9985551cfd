// The page: three panes (stage, talk, mind) side by side, or one at a time where the window is narrow.
import { key } from "./api.js";
import { html, render, useEffect, useState } from "./html.js";
import { Help, useShortcuts } from "./keys.js";
import { Mind } from "./mind.js";
import { Notices } from "./notices.js";
import { Stage } from "./stage.js";
import { locked, pane, talk } from "./state.js";
import { Talk } from "./talk.js";
import { loadHouse, openTalk } from "./talks.js";
import { followTheme } from "./theme.js";
import { Top } from "./top.js";
import { Welcome } from "./welcome.js";

const PANES = [["stage", "Stage"], ["talk", "Talk"], ["mind", "Mind"]];

function App() {
  const [ready, setReady] = useState(false);
  useShortcuts();
  const begin = async () => {
    locked.value = null;
    try {
      await Promise.all([loadHouse(), openNamed()]);
      setReady(true);
    } catch (error) {
      locked.value = error;
    }
  };
  useEffect(() => {
    begin();
    addEventListener("hashchange", openNamed);
    return () => removeEventListener("hashchange", openNamed);
  }, []);
  if (locked.value) return html`<${Locked} error=${locked.value} again=${begin} />`;
  if (!ready) return html`<p class="loading">Opening…</p>`;
  return html`<${Top} />
    ${talk.value ? html`<${Panes} />` : html`<${Welcome} />`}
    <${Help} /><${Notices} />`;
}

function Panes() {
  return html`<main class="panes" data-pane=${pane.value}>
      <h1 class="visually-hidden">${talk.value.title || "A talk"}</h1>
      <aside class="pane stage" id="stage" aria-label="Stage"><${Stage} key=${talk.value.id} /></aside>
      <section class="pane talk" id="talk" aria-label="Talk"><${Talk} key=${talk.value.id} /></section>
      <aside class="pane mind" id="mind" aria-label="Mind"><${Mind} key=${talk.value.id} /></aside>
    </main>
    <nav class="tabs" aria-label="Panes">
      ${PANES.map(
        ([name, label]) => html`<button
          aria-pressed=${pane.value === name}
          onClick=${() => (pane.value = name)}
        >
          ${label}
        </button>`,
      )}
    </nav>`;
}

/** Open the talk that the address names: #/talks/ID. */
function openNamed() {
  const named = /^#\/talks\/([^/]+)$/.exec(location.hash);
  const id = named ? decodeURIComponent(named[1]) : null;
  return id === (talk.peek()?.id ?? null) ? null : openTalk(id);
}

function Locked({ error, again }) {
  const [given, setGiven] = useState("");
  const asks = error.status === 401;
  const submit = (event) => {
    event.preventDefault();
    key.set(given.trim());
    again();
  };
  return html`<main class="locked">
    <h1>Tertulia</h1>
    <p>${asks ? "This server wants its key." : error.message}</p>
    <form onSubmit=${submit}>
      ${asks &&
      html`<label>Key <input type="password" autocomplete="off" value=${given}
        onInput=${(event) => setGiven(event.target.value)} /></label>`}
      <button class="main">${asks ? "Open" : "Try again"}</button>
    </form>
  </main>`;
}

followTheme();
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
