// Which reply the mind tells about, and all that is known of it.
import { computed, signal, useEffect } from "./html.js";
import * as state from "./state.js";
import { wholeTurn } from "./talks.js";

/** Turn id -> Turn with its reply record and direction; or {error}. Of the open talk. */
const read = signal(new Map());
/** So many of them are kept. */
const MOST_READ = 30;
let talkRead = null;

/** The turn that is told about: the one that was chosen, or the last that the other side said. */
const turn = computed(() => {
  if (state.selected.value !== null) return state.turns.value.get(state.selected.value) ?? null;
  return state.path.value.findLast((each) => each.speaker !== state.sides.value.user) ?? null;
});

/** The generation that is told about: one under way, or the one that made the turn. */
const generation = computed(() => {
  if (state.selected.value === null && state.running.value.length) return state.running.value[0];
  const id = turn.value?.id;
  if (id === undefined) return null;
  return [...state.generations.value.values()].find((each) => each.turn?.id === id) ?? null;
});

/**
 * What is known: {turn, live, state, agent, plan, given, plannedBy, candidates, chosen, texts, thought, fired,
 * prompt, timings, usage, seed, decoding, direction, dropped, unsupported, error}; null when there
 * is no reply. What nobody told is null.
 */
export const subject = computed(() => {
  const made = generation.value;
  const live = made !== null && !state.OVER.has(made.state);
  const told = live ? null : turn.value;
  if (!live && !told) return null;
  const whole = told && (complete(told) ?? read.value.get(told.id) ?? null);
  const reply = whole?.reply ?? null;
  return {
    turn: told,
    live,
    loading: !live && !whole,
    state: live ? made.state : (told.status ?? "whole"),
    agent: reply?.agent_name || reply?.agent || made?.agent_name || state.talk.value.agent_name,
    parent: live ? made.parent : (told.parent ?? null),
    byModel: made !== null || reply !== null,
    plan: made?.plan ?? reply?.plan ?? null,
    plannedBy: made?.plan?.planned_by ?? reply?.planned_by ?? "",
    given: reply?.given ?? null,
    candidates: made?.candidates ?? reply?.candidates ?? [],
    chosen: reply?.chosen ?? 0,
    texts: made?.texts ?? [],
    thought: live ? made.thoughts : (reply?.thought ?? ""),
    fired: reply?.fired ?? [],
    prompt: made?.prompt ?? null,
    timings: made?.timings ?? reply?.timings ?? null,
    usage: reply?.usage ?? null,
    seed: reply?.seed ?? null,
    decoding: reply?.decoding ?? null,
    direction: whole?.direction ?? null,
    dropped: reply?.dropped ?? made?.prompt?.dropped ?? [],
    unsupported: reply?.unsupported ?? made?.prompt?.unsupported ?? [],
    error: made?.error ?? whole?.error ?? null,
  };
});

/** The turn itself, where it came with all that is known of it. */
const complete = (told) => (told.reply !== undefined && told.direction !== undefined ? told : null);

/** Read the turn that is told about, where the page has only its light form. */
export function useSubject() {
  const told = turn.value;
  useEffect(() => {
    if (!told || complete(told)) return;
    const talk = state.talk.peek().id;
    if (talkRead !== talk) read.value = new Map();
    talkRead = talk;
    if (read.peek().has(told.id)) return;
    const put = (found) => {
      if (talkRead === talk) read.value = new Map([...read.peek()].slice(1 - MOST_READ)).set(told.id, found);
    };
    wholeTurn(told.id).then(put, (error) => put({ error: { message: error.message }, reply: null }));
  }, [told?.id]);
  return subject.value;
}

/** Replies of the active path before and after this one, as turn ids or null. */
export function neighbours(id) {
  const said = state.path.value.filter((each) => each.speaker !== state.sides.value.user);
  const at = said.findIndex((each) => each.id === id);
  return {
    number: at + 1,
    count: said.length,
    before: at > 0 ? said[at - 1].id : null,
    after: at >= 0 && at < said.length - 1 ? said[at + 1].id : null,
  };
}
