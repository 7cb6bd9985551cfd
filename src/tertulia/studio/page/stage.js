// The left pane: the direction of the talk, edited in place at any time, and who plays it.
import { Cast } from "./cast.js";
import { Decoding } from "./decoding.js";
import { html, useLayoutEffect, useRef } from "./html.js";
import { Loading } from "./loading.js";
import { Lore } from "./lore.js";
import { tell } from "./notices.js";
import { edited, settled, useStage } from "./staging.js";
import * as state from "./state.js";
import { changeTalk, say } from "./talks.js";

export function Stage() {
  const { scene, change, status } = useStage();
  const load = async (given, name) => {
    const before = [edited(scene, scene), state.plan.value];
    const { id } = state.talk.value;
    const put = (found, plan) => {
      change(found);
      if (state.talk.value?.id === id) state.plan.value = plan;
    };
    put(edited(scene, given), { ...state.NO_PLAN, ...given.plan });
    tell(`${name} is on the stage.`, { undo: () => put(...before) });
    if (state.end.value) return;
    await settled();
    for (const turn of given.turns ?? []) if (!(await say(turn))) return;
  };
  return html`<div class="stage-head">
      <h2>Stage</h2>
      <span class="saved" role="status">${status}</span>
    </div>
    <${Player} />
    <${Decoding} />
    <${Loading} load=${load} scene=${scene} />
    <${Text} kind="situation" label="Situation" value=${scene.situation}
      hint="Where we are, and what has happened." change=${(situation) => change({ situation })} />
    <${Text} kind="instruction" label="Instruction" value=${scene.instruction}
      hint="What the agent is told to be or do." change=${(instruction) => change({ instruction })} />
    <${Cast} scene=${scene} change=${change} />
    <${List} kind="knowledge" label="Knowledge" one="passage" values=${scene.knowledge}
      hint="Passages that a reply may draw on." change=${(knowledge) => change({ knowledge })} />
    <${List} kind="memory" label="Memory" one="memory" values=${scene.memory}
      hint="What was said or done in earlier talks." change=${(memory) => change({ memory })} />
    <${Lore} entries=${scene.lore ?? []} change=${(lore) => change({ lore })} />`;
}

/** Which agent plays the talk. */
function Player() {
  const agent = state.agent.value;
  return html`<section class="block player">
    <label class="beside">Played by
      <select value=${state.talk.value.agent_name} onChange=${(event) => changeTalk({ agent: event.target.value })}>
        ${!agent && html`<option>${state.talk.value.agent_name}</option>`}
        ${state.agents.value.map(({ name }) => html`<option>${name}</option>`)}
      </select>
    </label>
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
    <textarea rows="2" dir="auto" aria-label=${label} value=${value ?? ""} onInput=${(event) => change(event.target.value)}></textarea>
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
  const drop = (place) => {
    change(values.filter((_, at) => at !== place));
    if (values[place].trim()) tell(`The ${one} was removed.`, { undo: () => change(values) });
  };
  const box = useRef(null);
  const added = useRef(false);
  const add = () => {
    added.current = true;
    change([...values, ""]);
  };
  // Facts and memories have one line; the Enter key begins the next.
  const enter = (event) => {
    if (one === "passage" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    add();
  };
  useLayoutEffect(() => {
    if (added.current) [...box.current.querySelectorAll("textarea")].at(-1)?.focus();
    added.current = false;
  }, [values.length]);
  return html`<div class="lines" ref=${box}>
    ${values.map(
      (value, place) => html`<div class="line" key=${place}>
        <textarea rows="1" dir="auto" value=${value} onKeyDown=${enter} aria-label=${`${one} ${place + 1}${of}`} onInput=${(event) => put(place, event.target.value)}></textarea>
        <button type="button" class="quiet" aria-label=${`Remove ${one} ${place + 1}${of}`} onClick=${() => drop(place)}>×</button>
      </div>`,
    )}
    <button type="button" class="add" onClick=${add} aria-label=${`Add a ${one}${of}`}>+ ${one}</button>
  </div>`;
}
