// What if: the same history and seed with one direction changed, and both replies side by side.
import { Side, parts, summary } from "./difference.js";
import { over, reply } from "./generations.js";
import { html, useState } from "./html.js";
import { NO_PLAN, goals, sideNamed, sides, skills } from "./state.js";

const LISTS = new Set(["persona", "user_persona", "knowledge", "memory"]);
const PLANNED = new Set(["goal", "skill", "explanation"]);
const LISTED = { goal: goals, skill: skills };

const fields = () => [
  ["situation", "the situation"],
  ["instruction", "the instruction"],
  ["persona", `what holds about ${sides.value.agent}`],
  ["user_persona", `what holds about ${sides.value.user}`],
  ["knowledge", "the knowledge"],
  ["memory", "the memory"],
  ["goal", "the goal"],
  ["skill", "the skill"],
  ["explanation", "the explanation"],
];

/** Whose facts a field of personas holds. */
const whose = (field, scene) => (field === "persona" ? scene.agent : scene.user);

/** What holds about a speaker, whatever the name. */
const facts = ({ personas = {} }, speaker) => (Object.hasOwn(personas, speaker) ? personas[speaker] : []);

/** A direction as one edits it: lists have a line each. */
function now(field, scene, plan) {
  if (PLANNED.has(field)) return plan[field] ?? "";
  if (field === "persona" || field === "user_persona")
    return facts(scene, whose(field, scene)).join("\n");
  return LISTS.has(field) ? (scene[field] ?? []).join("\n") : (scene[field] ?? "");
}

/** {direction, plan} with one of them changed. */
function changed(field, value, scene, plan) {
  if (PLANNED.has(field)) return { direction: scene, plan: { ...plan, [field]: value } };
  const lines = value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (field === "persona" || field === "user_persona") {
    const personas = { ...scene.personas, [whose(field, scene)]: lines };
    return { direction: { ...scene, personas }, plan };
  }
  return { direction: { ...scene, [field]: LISTS.has(field) ? lines : value }, plan };
}

/** The header of a scene, which has no turns. */
const header = ({ turns: _turns, ...rest }) => rest;

/** What is being changed, and what came of it, while other sheets of the mind are looked at. */
let last = { turn: null, field: "situation", typed: null, second: null };

export function Counterfactual({ about }) {
  const before = last.turn === about.turn?.id ? last : { field: "situation", typed: null, second: null };
  const [field, setField] = useState(before.field);
  const scene = about.direction;
  const plan = { ...NO_PLAN, ...(about.given ?? scene?.plan) };
  const was = scene ? now(field, scene, PLANNED.has(field) ? { ...NO_PLAN, ...about.plan } : plan) : "";
  const [typed, setTyped] = useState(before.typed);
  const [second, setSecond] = useState(before.second?.waiting ? null : before.second);
  last = { turn: about.turn?.id, field, typed, second };
  const value = typed ?? was;
  if (about.live) return html`<p class="hint">Wait until the reply is made.</p>`;
  if (!scene) return null;

  const choose = (event) => {
    setField(event.target.value);
    setTyped(null);
  };
  const asked = () => ({
    parent: about.parent,
    agents: [about.agent],
    speaker: sideNamed(about.turn.speaker),
    decoding: about.seed === null ? about.decoding : { ...about.decoding, seed: about.seed },
    ...changed(field, value, header(scene), plan),
  });
  const compare = async () => {
    const label = fields().find(([name]) => name === field)[1];
    setSecond({ label, value, asked: asked(), waiting: true });
    const begun = await reply({ ...asked(), dry: true, activate: false });
    const made = begun && (await over(begun[0]));
    setSecond((last) => last && { ...last, waiting: false, made });
  };

  return html`<section class="whatif" aria-labelledby="whatif">
    <h3 id="whatif">What if</h3>
    <p class="hint">Change one direction. The history and the seed stay as they were${about.seed === null ? "" : ` (${about.seed})`}; the talk goes on as it was.</p>
    <label>Change
      <select value=${field} onChange=${choose}>
        ${fields().map(([name, label]) => html`<option value=${name}>${label}</option>`)}
      </select>
    </label>
    <${Value} field=${field} value=${value} set=${setTyped} />
    <div class="acts">
      <button class="main" disabled=${second?.waiting || value === was} onClick=${compare}>
        ${second?.waiting ? "Making it…" : "Compare"}
      </button>
      ${typed !== null && html`<button class="quiet" onClick=${() => setTyped(null)}>As it was</button>`}
    </div>
    <div aria-live="polite">${second && !second.waiting && html`<${Compared} about=${about} second=${second} />`}</div>
  </section>`;
}

function Value({ field, value, set }) {
  const input = (event) => set(event.target.value);
  const list = LISTED[field];
  if (!list)
    return html`<label>To${LISTS.has(field) ? " (a line each)" : ""}
      <textarea rows="4" value=${value} onInput=${input}></textarea>
    </label>`;
  return html`<label>To <input list="whatif-choices" value=${value} onInput=${input} /></label>
    <datalist id="whatif-choices">
      ${list.value.map((each) => html`<option value=${each} />`)}
    </datalist>`;
}

function Compared({ about, second }) {
  const { made, label } = second;
  const said = made?.turn?.text ?? made?.candidates?.[0]?.text;
  if (said === undefined)
    return html`<p class="error" role="alert">${made?.error?.message ?? "The other reply could not be made."}</p>`;
  const compared = parts(about.turn.text, said);
  const keep = () => reply({ ...second.asked, activate: true });
  return html`<p>${summary(compared)}</p>
    <div class="pair">
      <article>
        <h4>As it was</h4>
        <${Side} compared=${compared} which="first" />
      </article>
      <article>
        <h4>With ${label} changed</h4>
        <${Side} compared=${compared} which="second" />
        <${Planned} plan=${made.plan} before=${about.plan} />
        <button onClick=${keep}>Say this one in the talk</button>
      </article>
    </div>`;
}

/** The plan of the other reply, where it is another one. */
function Planned({ plan, before }) {
  const other = ["goal", "skill", "explanation"].filter((part) => plan?.[part] && plan[part] !== before?.[part]);
  if (!other.length) return null;
  return html`<dl class="replanned">
    ${other.map((part) => html`<div><dt>${part}</dt><dd class="words" dir="auto">${plan[part]}</dd></div>`)}
  </dl>`;
}
