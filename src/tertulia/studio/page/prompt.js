// Exactly what the model saw: every span under the colour and the name of the field it came from.
import { send } from "./api.js";
import { lookAhead, next } from "./context.js";
import { copied } from "./copying.js";
import { html, useEffect, useState } from "./html.js";
import { useRoving } from "./roving.js";
import { agentOf, sideNamed, talk } from "./state.js";

const FIELDS = ["situation", "instruction", "personas", "knowledge", "memory", "lore", "plan", "turns"];
const NAMES = ["agent", "user"];
const OWN = "the format's own words";
const CONTROL = "control tokens";

/** The prompt of the next reply, as it stands now. */
export function Ahead() {
  const [asking, setAsking] = useState(false);
  const found = next.value;
  const look = () => {
    setAsking(true);
    lookAhead().then(() => setAsking(false));
  };
  useEffect(look, []);
  if (found?.error) return html`<p class="error" role="alert">${found.error.message}</p>`;
  if (!found) return html`<p class="hint">${asking ? "Reading… A model that was not used yet is opened first." : "Not rendered yet."}</p>`;
  return html`<${Whole} title="What the model would see now" prompt=${found} about=${{ dropped: [], unsupported: [], fired: [] }} />`;
}

export function PromptSpans({ about }) {
  const [found, setFound] = useState(about.prompt ? { prompt: about.prompt } : null);
  useEffect(() => {
    if (about.prompt) return setFound({ prompt: about.prompt });
    if (about.live) return undefined;
    let gone = false;
    rendered(about).then(
      (prompt) => gone || setFound({ prompt }),
      (error) => gone || setFound({ error }),
    );
    return () => (gone = true);
  }, [about.prompt, about.live, about.direction]);
  if (!found) return html`<p class="hint">${about.live ? "Not rendered yet." : "Reading…"}</p>`;
  if (found.error) return html`<p class="error" role="alert">${found.error.message}</p>`;
  return html`<${Whole} title="The exact prompt" prompt=${found.prompt} about=${about} />`;
}

function Whole({ title, prompt, about }) {
  const [labelled, setLabelled] = useState(false);
  return html`<section class="prompt" aria-labelledby="prompt">
    <h3 id="prompt">${title}</h3>
    <${Size} prompt=${prompt} about=${about} />
    <${Cut} about=${about} prompt=${prompt} />
    <${Fired} about=${about} />
    <${Key} spans=${prompt.spans} />
    <div class="acts">
      <label class="check"
        ><input type="checkbox" checked=${labelled} onChange=${(event) => setLabelled(event.target.checked)} />
        Name every part in the text</label
      >
      <button class="quiet" onClick=${() => copied(prompt.spans.map((span) => span.text).join(""), "The prompt")}>Copy</button>
    </div>
    <${Spans} spans=${prompt.spans} labelled=${labelled} />
  </section>`;
}

/** The prompt of a kept reply, rendered again from what it was made of. */
const rendered = (about) =>
  send("POST", "/tertulia/prompts", {
    talk: talk.value.id,
    parent: about.parent,
    agent: about.agent,
    speaker: sideNamed(about.turn.speaker),
    ...(about.decoding && { decoding: about.decoding }),
    ...(about.plan && { plan: plain(about.plan) }),
    ...(about.direction && { direction: about.direction }),
  });

const plain = ({ goal = "", skill = "", explanation = "" }) => ({ goal, skill, explanation });

/** The kind of a span: a field of the scene, the format's own words, or a control token. */
function kind(span) {
  if (span.control) return "control";
  const head = (span.field ?? "").split(".", 1)[0];
  if (!head) return "own";
  if (NAMES.includes(head)) return "names";
  return FIELDS.includes(head) ? head : "other";
}

/** A span's field in words. */
function name(span) {
  if (span.control) return "control token";
  // A name may have dots of its own.
  const fact = /^personas\.(.*)\.(\d+)$/s.exec(span.field);
  if (fact) return `persona of ${fact[1]}, fact ${Number(fact[2]) + 1}`;
  const [head, second, third] = (span.field ?? "").split(".");
  if (!head) return OWN;
  if (head === "turns") return `turn ${Number(second) + 1}${third ? `, its ${third}` : ""}`;
  if (head === "plan" || second === undefined) return [head, second].filter(Boolean).join(", its ");
  return `${head} ${Number.isInteger(Number(second)) ? Number(second) + 1 : second}`;
}

function Size({ prompt, about }) {
  const { tokens } = prompt;
  const room = prompt.context_window ?? agentOf(about.agent)?.context_window;
  const used = tokens ?? about.usage?.prompt_tokens;
  if (typeof used !== "number") return null;
  return html`<p>
    ${used} tokens${room ? html` of ${room} that fit <meter min="0" max=${room} value=${used} aria-label="Part of the context window that the prompt takes"></meter>` : ""}
  </p>`;
}

/** What the model did not see: turns that did not fit, directions that its family cannot take. */
function Cut({ about, prompt }) {
  const dropped = prompt.dropped ?? about.dropped;
  const unsupported = prompt.unsupported ?? about.unsupported;
  if (!dropped.length && !unsupported.length) return html`<p class="hint">Nothing was cut.</p>`;
  return html`
    ${dropped.length > 0 &&
    html`<details class="cut">
      <summary>${dropped.length === 1 ? "The oldest turn" : `The ${dropped.length} oldest turns`} did not fit</summary>
      <ol>${dropped.map((turn) => html`<li class="words" dir="auto"><del><bdi>${turn.speaker}</bdi>: ${turn.text}</del></li>`)}</ol>
    </details>`}
    ${unsupported.length > 0 &&
    html`<p class="note">This model's family cannot take: <span class="words">${unsupported.join(", ")}</span></p>`}`;
}

/** What held a passage back whose time had come. */
const HELD = {
  budget: "its budget left it out",
  group: "another of its group came first",
  cooldown: "it is still cooling down",
  delay: "it is too early for it",
};

/** Which lore joined the knowledge, and why. */
function Fired({ about }) {
  const lore = about.direction?.lore ?? [];
  const fired = about.fired.filter(({ entry }) => lore[entry]);
  const count = fired.filter(({ told }) => told).length;
  if (!fired.length) return null;
  return html`<details class="cut">
    <summary>${count === 1 ? "One passage" : `${count} passages`} of the lore came up${count < fired.length ? `, ${fired.length - count} held back` : ""}</summary>
    <ol>
      ${fired.map(
        ({ entry, by, key, told, held }) => html`<li class="words" dir="auto">
          <strong>${lore[entry].name || key || `entry ${entry + 1}`}</strong>${" "}
          <span class="hint">${why(by, key)}${told ? "" : `; ${HELD[held] ?? HELD.budget}`}</span>
        </li>`,
      )}
    </ol>
  </details>`;
}

function why(by, key) {
  if (by === "constant") return "always there";
  if (by === "sticky") return "still there from before";
  return by === "passage" ? `“${key}” stands in another passage` : `“${key}” was said`;
}

/** The colours, with the names they stand for. */
function Key({ spans }) {
  const found = new Map();
  for (const span of spans) {
    const mine = kind(span);
    const label = { own: OWN, control: CONTROL }[mine] ?? mine;
    found.set(mine, [label, (found.get(mine)?.[1] ?? 0) + 1]);
  }
  return html`<ul class="key" aria-label="Colours">
    ${[...found].map(([mine, [label, count]]) => html`<li class="span" data-from=${mine}>${label} <span class="count">${count}</span></li>`)}
  </ul>`;
}

function Spans({ spans, labelled }) {
  const { at, row, stop } = useRoving(spans.length);
  if (!spans.length) return html`<p class="hint">The prompt is empty.</p>`;
  return html`<p class="readout" aria-hidden="true"><span class="span" data-from=${kind(spans[at])}>${name(spans[at])}</span></p>
    <div class="spans words ${labelled ? "labelled" : ""}" role="listbox" aria-labelledby="prompt" dir="auto" ...${row}>
      ${spans.map(
        (span, n) => html`<span
          role="option"
          class="span"
          data-from=${kind(span)}
          aria-selected=${n === at}
          aria-label="${name(span)}: ${span.text}"
          ...${stop(n)}
          >${labelled && isNamed(span) && html`<small class="label">${name(span)}</small>`}${span.text}</span
        >`,
      )}
    </div>`;
}

/** Whether a span has a name in the text: control tokens have a frame instead. */
const isNamed = (span) => !["own", "control"].includes(kind(span));
