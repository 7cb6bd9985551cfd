// How the next replies are decoded: a published preset, and settings over it. What is left empty is as the
// agent, or the preset, has it.
import { html } from "./html.js";
import * as state from "./state.js";

/** [setting, label, least, most, step, what it does]. The server checks them once more. */
const NUMBERS = [
  ["temperature", "Temperature", 0, 5, 0.05, "0 always takes the likeliest token; higher is bolder"],
  ["top_p", "Top p", 0.01, 1, 0.01, "only the likeliest tokens that make up this share; 1 keeps all"],
  ["top_k", "Top k", 0, 100000, 1, "only so many of the likeliest tokens; 0 keeps all"],
  ["min_p", "Min p", 0, 0.99, 0.01, "only tokens at least this share of the likeliest; 0 keeps all"],
  ["repetition_penalty", "Repetition penalty", 0.1, 10, 0.05, "above 1, what was said is less likely to be said again"],
  ["no_repeat_ngram", "No repeated run of", 0, 100, 1, "no so many tokens in a row twice; 0 is off"],
  ["max_new_tokens", "Longest reply", 1, 32768, 1, "in tokens"],
  ["candidates", "Candidates", 1, 64, 1, "so many are made, and the best is said"],
  ["beams", "Beams", 1, 64, 1, "more than 1 searches, and wants temperature 0"],
  ["seed", "Seed", 0, Number.MAX_SAFE_INTEGER, 1, "the same seed gives the same reply; empty draws one"],
];
const ALTERNATIVES = 5;

/** A setting laid over the others, or taken back where the value is null. */
function set(name, value) {
  const { [name]: _before, ...others } = state.decoding.value;
  state.decoding.value = value === null ? others : { ...others, [name]: value };
}

export function Decoding() {
  const agent = state.agent.value;
  const presets = agent?.presets ?? [];
  const given = state.decoding.value;
  const count = Object.keys(given).length;
  return html`<section class="block decoding" aria-label="Decoding">
    ${presets.length > 0 &&
    html`<label class="beside">Decoding
      <select value=${given.preset ?? ""} onChange=${(event) => set("preset", event.target.value || null)}>
        <option value="">the agent's own</option>
        ${presets.map((each) => html`<option>${each.name ?? each}</option>`)}
      </select>
    </label>`}
    <details>
      <summary>Settings <span class="hint">${told(given)}</span></summary>
      <div class="settings">
        ${NUMBERS.map((each) => html`<${Setting} key=${each[0]} setting=${each} given=${given} own=${agent?.decoding ?? {}} />`)}
        <label class="whole">Stop at <span class="hint">a text a line, besides the end of the turn</span>
          <textarea rows="1" dir="auto" value=${(given.stop ?? []).join("\n")}
            onInput=${(event) => set("stop", lines(event.target.value))}></textarea></label>
        <label class="check whole"><input type="checkbox" checked=${given.alternatives > 0}
          onChange=${(event) => set("alternatives", event.target.checked ? ALTERNATIVES : null)} /> tell the likeliest other tokens, too</label>
      </div>
      <div class="row">
        <button type="button" class="quiet" disabled=${!count} onClick=${() => (state.decoding.value = {})}>All as the agent has it</button>
      </div>
    </details>
  </section>`;
}

const lines = (text) => (text ? text.split("\n") : null);

/** What is not as the agent has it. */
function told(given) {
  const names = Object.keys(given).filter((name) => name !== "preset");
  return names.length ? `${names.length} of your own` : "";
}

function Setting({ setting: [name, label, least, most, step, about], given, own }) {
  const input = (event) => {
    const { value, validity } = event.target;
    if (value === "" && !validity.badInput) set(name, null);
    else if (validity.valid || validity.stepMismatch) set(name, Number(value));
  };
  const usual = given.preset ? "preset" : (own[name] ?? "drawn");
  return html`<label title=${about}>${label}
    <input type="number" min=${least} max=${most} step=${step} value=${given[name] ?? ""} placeholder=${usual} onInput=${input} />
  </label>`;
}
