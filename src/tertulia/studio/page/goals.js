// The bar of goals: what the next reply is to do. The eleven action codes, one's own words, a skill.
import { html } from "./html.js";
import * as state from "./state.js";

const change = (given) => (state.plan.value = { ...state.plan.value, ...given });

export function Goals() {
  const { goal, skill, explanation } = state.plan.value;
  const told = [goal, skill].filter(Boolean).join(" · ");
  const none = !goal && !skill && !explanation;
  return html`<details class="goals">
    <summary>
      <span class="label">Next reply</span>
      <span class="value ${none ? "none" : ""}">${none ? "free" : told || explanation}</span>
    </summary>
    <div class="goals-body">
      <${Codes} goal=${goal} />
      <div class="fields">
        <${Field} kind="plan.goal" label="Goal, in your words">
          <input value=${goal} maxlength="400" placeholder="offer the last loaf" aria-label="Goal, in your words"
            onInput=${(event) => change({ goal: event.target.value })} />
        </${Field}>
        <${Field} kind="plan.skill" label="Skill">
          <select aria-label="Skill" value=${skill} onChange=${(event) => change({ skill: event.target.value })}>
            <option value="">any</option>
            ${state.skills.value.map((each) => html`<option value=${each}>${each}</option>`)}
          </select>
        </${Field}>
        <${Field} kind="plan.explanation" label="Because">
          <input value=${explanation} maxlength="1000" placeholder="he is hungry" aria-label="Because"
            onInput=${(event) => change({ explanation: event.target.value })} />
        </${Field}>
      </div>
      <div class="row">
        <label class="check"><input type="checkbox" checked=${state.keepPlan.value}
          onChange=${(event) => (state.keepPlan.value = event.target.checked)} /> keep for the replies after it</label>
        <span class="space"></span>
        <button type="button" class="quiet" disabled=${none} onClick=${() => (state.plan.value = state.NO_PLAN)}>Clear</button>
      </div>
    </div>
  </details>`;
}

function Codes({ goal }) {
  const reason = state.refusal("plan.goal");
  return html`<div class="codes ${reason ? "refused" : ""}" role="group" aria-label="Action codes">
    ${state.goals.value.map(
      (code) => html`<button type="button" class="chip" aria-pressed=${goal === code}
        onClick=${() => change({ goal: goal === code ? "" : code })}>${code.replace(/\.$/, "")}</button>`,
    )}
  </div>`;
}

function Field({ kind, label, children }) {
  const reason = state.refusal(kind);
  return html`<div class="field ${reason ? "refused" : ""}">
    <span class="label" aria-hidden="true">${label}</span>
    ${children}
    ${reason && html`<span class="reason">${reason}</span>`}
  </div>`;
}
