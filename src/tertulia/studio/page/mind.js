// The right pane: what stands behind a reply, what it could have been, and the tree of the talk.
import { Candidates } from "./candidates.js";
import { Counterfactual } from "./counterfactual.js";
import { html, signal } from "./html.js";
import { Ahead, Planning } from "./planning.js";
import { Ahead as PromptAhead, PromptSpans } from "./prompt.js";
import { stepped } from "./roving.js";
import * as state from "./state.js";
import { selected } from "./state.js";
import { neighbours, useSubject } from "./subject.js";
import { Timings } from "./timings.js";
import { Tree } from "./tree.js";

const SHEETS = [
  ["reply", "Reply"],
  ["prompt", "Prompt"],
  ["whatif", "What if"],
  ["tree", "Tree"],
];
/** Which sheet of the mind is open. */
export const sheet = signal("reply");

export function Mind() {
  const about = useSubject();
  const open = sheet.value;
  const ahead = open === "prompt" && (isAhead.value || !about);
  return html`<h2 class="visually-hidden">Mind</h2>
    <${Tabs} />
    <div class="sheet" role="tabpanel" id="sheet" aria-labelledby="sheet-${open}" tabindex="0">
      ${open === "prompt" && about && html`<${Which} />`}
      ${open !== "tree" && !ahead && html`<${About} about=${about} />`}
      ${ahead && html`<${PromptAhead} key=${state.talk.value.version} />`}
      ${open === "tree" && html`<${Tree} />`}
      ${open !== "tree" && !ahead && about?.byModel && html`<${Sheet} about=${about} />`}
      ${open === "reply" && html`<${Ahead} />`}
    </div>`;
}

/** Whether the prompt that is shown is the next one. */
const isAhead = signal(false);

function Which() {
  const choose = (ahead) => () => (isAhead.value = ahead);
  return html`<div class="segments" role="group" aria-label="Which prompt">
    <button type="button" aria-pressed=${!isAhead.value} onClick=${choose(false)}>Of this reply</button>
    <button type="button" aria-pressed=${isAhead.value} onClick=${choose(true)}>Of the next one</button>
  </div>`;
}

function Tabs() {
  const at = SHEETS.findIndex(([name]) => name === sheet.value);
  const move = (event) => {
    const to = stepped(event.key, at, SHEETS.length);
    if (to === null) return;
    event.preventDefault();
    sheet.value = SHEETS[to][0];
    document.getElementById(`sheet-${SHEETS[to][0]}`).focus();
  };
  return html`<div class="sheets" role="tablist" aria-label="Mind" onKeyDown=${move}>
    ${SHEETS.map(
      ([name, label], n) => html`<button
        role="tab"
        id="sheet-${name}"
        aria-controls="sheet"
        aria-selected=${n === at}
        tabindex=${n === at ? 0 : -1}
        onClick=${() => (sheet.value = name)}
      >
        ${label}
      </button>`,
    )}
  </div>`;
}

function Sheet({ about }) {
  const key = about.turn?.id ?? "live";
  if (sheet.value === "prompt") return html`<${PromptSpans} key=${key} about=${about} />`;
  if (sheet.value === "whatif") return html`<${Counterfactual} key=${key} about=${about} />`;
  return html`<${Planning} key=${key} about=${about} />
    <${Candidates} key="c${key}" about=${about} />
    <${Timings} about=${about} />`;
}

const STATES = {
  waiting: "waiting for its turn",
  running: "being made",
  stopped: "stopped before its end",
  interrupted: "broken off before its end",
  failed: "failed",
};

/** Which reply this is about, and the way to the ones before and after it. */
function About({ about }) {
  if (!about)
    return html`<p class="hint">
      No reply yet. When the model speaks, what it planned, weighed and saw stands here.
    </p>`;
  const { number, count, before, after } = neighbours(about.turn?.id);
  const name = about.live ? "The reply under way" : number ? `Reply ${number} of ${count}` : "A reply on another branch";
  const go = (id) => () => (selected.value = id);
  return html`<header class="which">
      <p>
        <strong>${about.turn && !about.byModel && !about.loading ? "A turn" : name}</strong>${" "}
        <bdi>${about.byModel ? about.agent : ""}</bdi>
        ${STATES[about.state] && html`<span class="state">${STATES[about.state]}</span>`}
      </p>
      ${!about.live && html`<div class="steps">
        <button class="quiet" aria-label="The reply before" disabled=${before === null} onClick=${go(before)}>↑</button>
        <button class="quiet" aria-label="The reply after" disabled=${after === null} onClick=${go(after)}>↓</button>
        ${selected.value !== null && html`<button class="quiet" onClick=${go(null)}>Last reply</button>`}
      </div>`}
    </header>
    ${about.error && html`<p class="error" role="alert">${about.error.message}</p>`}
    ${about.loading && html`<p class="hint">Reading…</p>`}
    ${!about.byModel &&
    !about.loading &&
    !about.error &&
    html`<p class="hint">A person said this, so nothing was planned or weighed for it.</p>`}`;
}
