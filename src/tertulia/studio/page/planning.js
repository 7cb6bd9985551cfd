// The plan of a reply: what it was to do, changed by hand or thought again, and the reply made anew.
import { send } from "./api.js";
import { reply } from "./generations.js";
import { html, useEffect, useState } from "./html.js";
import { wrong } from "./notices.js";
import { NO_PLAN, agent, decoding, end, goals, plan, running, selected, sideNamed, skills, talk } from "./state.js";

const PARTS = ["goal", "skill", "explanation"];
const same = (one, other) => PARTS.every((part) => (one[part] ?? "") === (other[part] ?? ""));
const parts = (plan) => Object.fromEntries(PARTS.map((part) => [part, plan?.[part] ?? ""]));

export function Planning({ about }) {
  const made = parts(about.plan ?? NO_PLAN);
  const [mine, setMine] = useState(null);
  const [keepsSeed, setKeepsSeed] = useState(false);
  const [thinking, setThinking] = useState(false);
  useEffect(() => setMine(null), [about.live]);
  const shown = mine ?? made;
  const set = (part) => (event) => setMine({ ...shown, [part]: event.target.value });

  const think = async () => {
    setThinking(true);
    const found = await thought(about.parent, about.agent, about.given ?? NO_PLAN);
    if (found) setMine(found);
    setThinking(false);
  };
  const again = async () => {
    const seeded = keepsSeed && about.seed !== null ? { seed: about.seed } : {};
    const given = { ...decoding.value, ...seeded };
    const begun = await reply({
      parent: about.parent,
      agents: [about.agent],
      speaker: sideNamed(about.turn.speaker),
      plan: shown,
      ...(Object.keys(given).length ? { decoding: given } : {}),
    });
    if (begun) selected.value = null;
  };

  return html`<section class="planning" aria-labelledby="planning">
    <h3 id="planning">Plan</h3>
    <p class="hint">${told(about, made)}</p>
    ${about.plan?.written &&
    html`<p class="note">The planner wrote no plan: <q class="words">${about.plan.written}</q></p>`}
    ${about.thought &&
    html`<details class="thought" open=${about.live}><summary>What it thought</summary><p class="words" dir="auto">${about.thought}</p></details>`}
    <label>Goal
      <input list="mind-goals" value=${shown.goal} onInput=${set("goal")} readonly=${about.live} />
    </label>
    <label>Skill
      <input list="mind-skills" value=${shown.skill} onInput=${set("skill")} readonly=${about.live} />
    </label>
    <label>Explanation
      <textarea rows="3" value=${shown.explanation} onInput=${set("explanation")} readonly=${about.live}></textarea>
    </label>
    <datalist id="mind-goals">${goals.value.map((each) => html`<option value=${each} />`)}</datalist>
    <datalist id="mind-skills">${skills.value.map((each) => html`<option value=${each} />`)}</datalist>
    ${!about.live &&
    html`<div class="acts">
      <button class="main" onClick=${again}>Reply again${mine && !same(mine, made) ? " with this plan" : ""}</button>
      <button onClick=${think} disabled=${thinking}>${thinking ? "Thinking…" : "Think again"}</button>
      ${mine && html`<button class="quiet" onClick=${() => setMine(null)}>As it was</button>`}
      <label class="check"
        ><input type="checkbox" checked=${keepsSeed} disabled=${about.seed === null}
          onChange=${(event) => setKeepsSeed(event.target.checked)} />
        the same seed${about.seed === null ? "" : ` (${about.seed})`}</label
      >
    </div>`}
  </section>`;
}

/** The plan of the next reply, before a word of it is written; the bar above the composer holds it. */
export function Ahead() {
  const [thinking, setThinking] = useState(false);
  if (running.value.length) return null;
  const think = async () => {
    setThinking(true);
    const found = await thought(end.value?.id ?? null, agent.value?.name, plan.value);
    if (found) plan.value = found;
    setThinking(false);
  };
  const { goal, skill, explanation } = plan.value;
  return html`<section class="ahead" aria-labelledby="ahead">
    <h3 id="ahead">The next reply</h3>
    <p class="hint" role="status">
      ${same(plan.value, NO_PLAN)
        ? "Free: the agent plans it when it is asked to speak. Let it think now, and change what it thought before a word is written."
        : html`<span class="words">${[goal, skill, explanation].filter(Boolean).join(" · ")}</span> Change it under “Next reply”.`}
    </p>
    <div class="acts">
      <button onClick=${think} disabled=${thinking}>${thinking ? "Thinking…" : "Think ahead"}</button>
      ${!same(plan.value, NO_PLAN) && html`<button class="quiet" onClick=${() => (plan.value = NO_PLAN)}>Clear</button>`}
    </div>
  </section>`;
}

/** What the agent's planner makes of a turn's place, over what is given; null when it cannot. */
async function thought(parent, agent, given) {
  try {
    const found = await send("POST", "/tertulia/plans", { talk: talk.value.id, parent, agent, plan: given });
    if (found.written) wrong(new Error(`The planner wrote no plan: ${found.written}`));
    return found.written ? null : parts(found.plan);
  } catch (error) {
    wrong(error);
    return null;
  }
}

function told(about, plan) {
  if (!about.plan) return about.live ? "Not decided yet." : "Nothing was planned.";
  if (same(plan, NO_PLAN)) return "Nothing was planned.";
  const given = about.plannedBy === "director" || (about.given && same(parts(about.given), plan));
  return given ? "Given by you." : "Thought by the agent, before a word of the reply was written.";
}
