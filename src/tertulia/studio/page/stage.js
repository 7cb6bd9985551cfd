// The left pane: the direction of the talk, edited in place at any time, and who plays it.
import { Cast } from "./cast.js";
import { html, useLayoutEffect, useRef } from "./html.js";
import { Loading } from "./loading.js";
import { edited, useStage } from "./staging.js";
import * as state from "./state.js";
import { changeTalk } from "./talks.js";

export function Stage() {
  const { scene, change, status } = useStage();
  const load = (given) => {
    change(edited(scene, given));
    state.plan.value = { ...state.NO_PLAN, ...given.plan };
  };
  return html`<div class="stage-head">
      <h2>Stage</h2>
      <span class="saved" role="status">${status}</span>
    </div>
    <${Player} />
    <${Loading} load=${load} />
    <${Text} kind="situation" label="Situation" value=${scene.situation}
      hint="Where we are, and what has happened." change=${(situation) => change({ situation })} />
    <${Text} kind="instruction" label="Instruction" value=${scene.instruction}
      hint="What the agent is told to be or do." change=${(instruction) => change({ instruction })} />
    <${Cast} scene=${scene} change=${change} />
    <${List} kind="knowledge" label="Knowledge" one="passage" values=${scene.knowledge}
      hint="Passages that a reply may draw on." change=${(knowledge) => change({ knowledge })} />
    <${List} kind="memory" label="Memory" one="memory" values=${scene.memory}
      hint="What was said or done in earlier talks." change=${(memory) => change({ memory })} />
    ${scene.lore?.length > 0 && html`<p class="lore">A lorebook of ${scene.lore.length} entries came with the card; those that fire are told to the model as knowledge.</p>`}`;
}

/** Which agent plays the talk, and with which preset of decoding. */
function Player() {
  const agent = state.agent.value;
  const presets = agent?.presets ?? [];
  return html`<section class="block player">
    <label>Played by
      <select value=${state.talk.value.agent_name} onChange=${(event) => changeTalk({ agent: event.target.value })}>
        ${!agent && html`<option>${state.talk.value.agent_name}</option>`}
        ${state.agents.value.map(({ name }) => html`<option>${name}</option>`)}
      </select>
    </label>
    ${presets.length > 0 &&
    html`<label>Decoding
      <select value=${state.decoding.value.preset ?? ""}
        onChange=${(event) => (state.decoding.value = event.target.value ? { preset: event.target.value } : {})}>
        <option value="">the agent's own</option>
        ${presets.map((each) => html`<option>${each.name ?? each}</option>`)}
      </select>
    </label>`}
    ${agent
      ? html`<p class="about">${[agent.format, agent.engine].filter(Boolean).join(" · ")}${agent.context_window ? ` · ${agent.context_window} tokens` : ""}</p>`
      : html`<p class="reason">This agent is not served now: choose another to go on.</p>`}
  </section>`;
}

/** One kind of direction; greyed, with the reason, where the model cannot take it. */
export function Block({ kind, label, hint, children }) {
  const reason = state.refusal(kind);
  return html`<section class="block ${reason ? "refused" : ""}" aria-label=${label}>
    <h3>${label}</h3>
    ${reason
      ? html`<p class="reason">Kept, but not told to the model: ${reason}</p>`
      : html`<p class="hint">${hint}</p>`}
    ${children}
  </section>`;
}

function Text({ kind, label, hint, value, change }) {
  return html`<${Block} kind=${kind} label=${label} hint=${hint}>
    <textarea rows="2" aria-label=${label} value=${value ?? ""} onInput=${(event) => change(event.target.value)}></textarea>
  </${Block}>`;
}

function List({ kind, label, hint, one, values, change }) {
  return html`<${Block} kind=${kind} label=${label} hint=${hint}>
    <${Lines} one=${one} values=${values ?? []} change=${change} />
  </${Block}>`;
}

/** Texts that can be changed, removed and added to, one below the other. */
export function Lines({ one, of = "", values, change }) {
  const put = (place, text) => change(values.map((each, at) => (at === place ? text : each)));
  const drop = (place) => change(values.filter((_, at) => at !== place));
  const box = useRef(null);
  const added = useRef(false);
  const add = () => {
    added.current = true;
    change([...values, ""]);
  };
  useLayoutEffect(() => {
    if (added.current) [...box.current.querySelectorAll("textarea")].at(-1)?.focus();
    added.current = false;
  }, [values.length]);
  return html`<div class="lines" ref=${box}>
    ${values.map(
      (value, place) => html`<div class="line" key=${place}>
        <textarea rows="1" value=${value} aria-label=${`${one} ${place + 1}${of}`} onInput=${(event) => put(place, event.target.value)}></textarea>
        <button type="button" class="quiet" aria-label=${`Remove ${one} ${place + 1}${of}`} onClick=${() => drop(place)}>×</button>
      </div>`,
    )}
    <button type="button" class="add" onClick=${add} aria-label=${`Add a ${one}${of}`}>+ ${one}</button>
  </div>`;
}
