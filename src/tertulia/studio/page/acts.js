// What the buttons and the keys of the talk do.
import { signal } from "./html.js";
import { reply, stopAll } from "./generations.js";
import { tell } from "./notices.js";
import { settled } from "./staging.js";
import * as state from "./state.js";
import { activate, changeTalk, pathTo, rate, remove, wholeTurn } from "./talks.js";

/** The turn that is being edited, by id; or null. */
export const editing = signal(null);
/** The turn to bring into sight, {id}; a new object brings it again. */
export const looked = signal(null);

/** The settings of the next reply, as the bar of goals and the stage have them. */
async function directed(speaker) {
  await settled();
  const decoding = state.decoding.value;
  const waiting = state.waitingPlan();
  const same = state.samePlan(state.plan.value, waiting);
  // The plan that waits in the talk is used up by a reply that is given no other; where another is
  // given, it would wait on.
  const waits = !state.samePlan(waiting, state.NO_PLAN) && speaker !== state.sides.value.user;
  if (!same && waits)
    await changeTalk({ scene: { plan: state.NO_PLAN } });
  const planned = same ? {} : { plan: state.plan.value };
  return { ...planned, ...(Object.keys(decoding).length ? { decoding } : {}) };
}

/** Let a side speak, by the agents that were chosen; several answer side by side. */
export async function answer({ parent, speaker, plan, agents = state.answering.value } = {}) {
  const several = agents.length > 1;
  const found = await reply({
    ...(await directed(speaker)),
    ...(plan ? { plan } : {}),
    ...(agents.length ? { agents } : {}),
    ...(speaker ? { speaker } : {}),
    parent: parent === undefined ? (state.end.value?.id ?? null) : parent,
    activate: !several,
  });
  if (found) {
    state.usedUp(speaker);
    state.selected.value = null;
  }
  return found;
}

/** Another reply beside a turn: to the plan in the bar, or else to the one that the turn was given. */
export async function again(turn) {
  const free = state.samePlan(state.plan.value, state.NO_PLAN);
  const before = free ? await wholeTurn(turn.id).catch(() => null) : null;
  const { goal = "", skill = "", explanation = "" } = before?.reply?.given ?? {};
  const plan = goal || skill || explanation ? { goal, skill, explanation } : undefined;
  return answer({ parent: turn.parent ?? null, speaker: state.sideNamed(turn.speaker), plan });
}

/** Why the talk's agent cannot go on from where a turn ends; "" where it can. */
export const cannotGoOn = () => state.agent.value?.continue ?? "";

/** The turn goes on from where it ends. */
export async function goOn(turn) {
  if (cannotGoOn()) return tell(`This turn cannot be continued: ${cannotGoOn()}.`);
  const speaker = state.sideNamed(turn.speaker);
  return reply({ ...(await directed(speaker)), parent: turn.parent ?? null, speaker, continue: turn.id });
}

/** Show the alternative that is so many steps away, with what came after it. */
export function step(turn, steps) {
  const all = state.siblings(turn.id);
  const other = all[(all.indexOf(turn.id) + steps + all.length) % all.length];
  return other === turn.id ? null : activate(state.leafOf(other));
}

/** Take the talk up again after this turn. */
export async function branch(turn) {
  const before = state.end.value?.id ?? null;
  if (before !== turn.id && (await activate(turn.id))) {
    tell("The talk goes on from here; what came after it is kept beside.", { undo: () => activate(before) });
    document.getElementById("say")?.focus();
  }
}

export const rated = (turn, rating) => rate(turn.id, turn.rating === rating ? 0 : rating);

/** Hide a turn; the focus goes to the one before it. */
export async function hide(turn) {
  const before = turn.parent;
  if (await remove(turn.id)) focusTurn(before);
}

/** Let the mind tell about a turn. */
export function why(turn) {
  state.selected.value = turn.id;
  if (matchMedia("(max-width: 1100px)").matches) state.pane.value = "mind";
}

/** Bring a turn into sight, on its own branch where it is on another. */
export async function lookAt(id) {
  if (!state.active.value.includes(id)) {
    const shown = pathTo(id).every((each) => !state.turns.value.get(each)?.hidden);
    if (!shown || !(await activate(state.leafOf(id)))) return;
  }
  state.pane.value = "talk";
  looked.value = { id };
}

export function focusTurn(id) {
  requestAnimationFrame(() => {
    const found = document.querySelector(`[data-turn="${Number(id)}"]`);
    (found ?? document.getElementById("say"))?.focus();
  });
}

export { stopAll };
