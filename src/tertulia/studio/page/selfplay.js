// Self-play: the two sides talk with each other, a step at a time or several.
import { answer, stopAll } from "./acts.js";
import { over } from "./generations.js";
import { html, signal, useState } from "./html.js";
import * as state from "./state.js";

export const playing = signal(false);
const by = signal({});
const going = signal(0);

/** The side that did not speak last. */
const nextSide = () => (state.end.value ? state.otherSide(state.end.value.speaker) : state.sides.value.agent);

/** One turn of the side whose turn it is; whether it was said. */
export async function playStep() {
  const speaker = nextSide();
  const agents = by.value[speaker] ? [by.value[speaker]] : [state.talk.value.agent_name];
  const ids = await answer({ speaker, agents });
  return Boolean(ids) && (await over(ids[0]))?.state === "done";
}

async function play(steps) {
  const id = state.talk.value.id;
  going.value = steps;
  while (going.value > 0 && state.talk.value?.id === id && (await playStep())) going.value -= 1;
  going.value = 0;
}

const halt = () => {
  going.value = 0;
  stopAll();
};

export function SelfPlay() {
  const [steps, setSteps] = useState(6);
  const { agent, user } = state.sides.value;
  const busy = state.running.value.length > 0 || going.value > 0;
  return html`<section class="selfplay" aria-label="Self-play">
    ${[user, agent].map(
      (side) => html`<label class=${side === agent ? "of-agent" : "of-user"}>${side} played by
        <select value=${by.value[side] ?? state.talk.value.agent_name}
          onChange=${(event) => (by.value = { ...by.value, [side]: event.target.value })}>
          ${state.agents.value.map(({ name }) => html`<option>${name}</option>`)}
        </select></label>`,
    )}
    <span class="row">
      <button type="button" class="main" disabled=${busy} onClick=${playStep}>Step: ${nextSide()}</button>
      <button type="button" disabled=${busy} onClick=${() => play(steps)}>Play</button>
      <label><input type="number" min="1" max="100" value=${steps} aria-label="Turns to play"
        onInput=${(event) => setSteps(Math.max(1, Math.min(100, Number(event.target.value) || 1)))} /> turns</label>
      ${busy && html`<button type="button" class="stop" onClick=${halt}>Stop${going.value > 0 ? ` (${going.value} left)` : ""}</button>`}
    </span>
  </section>`;
}
