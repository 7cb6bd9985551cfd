// The page: three panes (stage, talk, mind) side by side, or one at a time where the window is narrow.
import { key } from "./api.js";
import { Connection, whenBack } from "./connection.js";
import { keepDraft } from "./drafts.js";
import { effect, html, render, useEffect, useState } from "./html.js";
import { Help, useShortcuts } from "./keys.js";
import { loadDropped } from "./loading.js";
import { Mind } from "./mind.js";
import { Notices } from "./notices.js";
import { Stage } from "./stage.js";
import * as state from "./state.js";
import { Talk } from "./talk.js";
import { loadHouse, openTalk, refresh } from "./talks.js";
import { followTheme } from "./theme.js";
import { Top } from "./top.js";
import { Welcome } from "./welcome.js";

const PANES = [["stage", "Stage"], ["talk", "Talk"], ["mind", "Mind"]];

function App() {
  const [ready, setReady] = useState(false);
  useShortcuts();
  const begin = async () => {
    state.locked.value = null;
    try {
      await Promise.all([loadHouse(), openNamed()]);
      setReady(true);
    } catch (error) {
      state.locked.value = error;
    }
  };
  useEffect(() => {
    begin();
    addEventListener("hashchange", openNamed);
    const stopWaiting = whenBack(() => (state.locked.value ? begin() : loadHouse().then(refresh, () => {})));
    return () => {
      removeEventListener("hashchange", openNamed);
      stopWaiting();
    };
  }, []);
  useLookingAgain();
  if (state.locked.value) return html`<${Locked} error=${state.locked.value} again=${begin} />`;
  if (!ready) return html`<p class="loading">Opening…</p>`;
  return html`<${Top} />
    <${Connection} />
    ${state.talk.value ? html`<${Panes} />` : html`<${Welcome} />`}
    <${Help} /><${Notices} />`;
}

/** What was changed elsewhere meanwhile is seen when the page is looked at again. */
function useLookingAgain() {
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && refresh();
    addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
}

/** What the next replies are to do, and how they are decoded, outlives a reload. */
function keepDirected() {
  effect(() => {
    const id = state.talk.value?.id;
    if (id === undefined) return;
    const [plan, keep, settings] = [state.plan.value, state.keepPlan.value, state.decoding.value];
    const isFree = !keep && state.samePlan(plan, state.waitingPlan());
    keepDraft(`plan.${id}`, isFree ? null : { plan, keep });
    keepDraft(`decoding.${id}`, Object.keys(settings).length ? settings : null);
  });
}

function Panes() {
  return html`<main class="panes" data-pane=${state.pane.value}>
      <h1 class="visually-hidden">${state.talk.value.title || "A talk"}</h1>
      <aside class="pane stage" id="stage" aria-label="Stage"><${Stage} key=${state.talk.value.id} /></aside>
      <section class="pane talk" id="talk" aria-label="Talk"><${Talk} key=${state.talk.value.id} /></section>
      <aside class="pane mind" id="mind" aria-label="Mind"><${Mind} key=${state.talk.value.id} /></aside>
    </main>
    <nav class="tabs" aria-label="Panes">
      ${PANES.map(
        ([name, label]) => html`<button
          aria-pressed=${state.pane.value === name}
          onClick=${() => (state.pane.value = name)}
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
  return id === (state.talk.peek()?.id ?? null) ? null : openTalk(id);
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
keepDirected();
loadDropped();
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
