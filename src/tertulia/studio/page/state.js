// The one store of state: what is known of the server, the talk that is open, and what is under way.
// Signals are read by components; they are written by the functions of talks.js and generations.js.
import { computed, signal } from "./html.js";

/** GET /tertulia/agents: agents by name, the action codes, the skills. */
export const agents = signal([]);
export const goals = signal([]);
export const skills = signal([]);

export const scenes = signal([]);
/** Past talks, newest first, as GET /tertulia/talks tells them. */
export const talks = signal([]);

/** The open talk without its turns: {id, version, title, agent_name, created, changed, scene}; or null. */
export const talk = signal(null);
/** Turn id -> Turn, light; hidden ones too. */
export const turns = signal(new Map());
/** Ids of the active path, the root first. */
export const active = signal([]);
/** Turn id, or null for the root -> ids of the turns after it that are not hidden, oldest first. */
export const children = computed(() => {
  const found = new Map();
  for (const turn of turns.value.values()) {
    if (turn.hidden) continue;
    const before = turn.parent ?? null;
    if (!found.has(before)) found.set(before, []);
    found.get(before).push(turn.id);
  }
  return found;
});
/** The turns of the active path. */
export const path = computed(() => active.value.map((id) => turns.value.get(id)).filter(Boolean));
export const end = computed(() => path.value.at(-1) ?? null);

/**
 * Generation id -> what is known of it: {id, talk, parent, agent_name, speaker, state, plan, prompt,
 * texts: [text of each candidate so far], thoughts, candidates, timings, turn, error, dry, given: what was
 * asked, end: where the path ended then}.
 */
export const generations = signal(new Map());
/** Generations that are not done yet, of the open talk; dry ones are the mind's. */
export const running = computed(() =>
  [...generations.value.values()].filter(
    (each) => !each.dry && each.talk === talk.value?.id && !OVER.has(each.state),
  ),
);
export const OVER = new Set(["done", "stopped", "failed"]);

/** The turn that the mind tells about; null is the last reply of the path. */
export const selected = signal(null);
/** What the next reply is to do; empty strings let the agent's planner choose. */
export const NO_PLAN = { goal: "", skill: "", explanation: "" };
export const plan = signal(NO_PLAN);
export const keepPlan = signal(false);
export const samePlan = (one, other) => Object.keys(NO_PLAN).every((key) => one[key] === other[key]);
/** The plan that waits in the talk for its next reply. */
export const waitingPlan = () => ({ ...NO_PLAN, ...talk.value?.scene?.plan });
/** A reply of a side was asked for: its plan is used up, unless it is to be kept. */
export function usedUp(speaker) {
  // What waits in the talk waits for the agent.
  if (speaker !== sides.value.user && talk.value.scene.plan)
    talk.value = { ...talk.value, scene: { ...talk.value.scene, plan: undefined } };
  if (!keepPlan.value) plan.value = waitingPlan();
}
/** Names of the agents that answer the next turn; empty is the talk's own. */
export const answering = signal([]);
/** Settings laid over the agent's decoding for the next replies, as in /v1's decoding. */
export const decoding = signal({});

export const agentOf = (name) => agents.value.find((each) => each.name === name) ?? null;
export const agent = computed(() => agentOf(talk.value?.agent_name));
/** Why the talk's model cannot take a kind of direction; "" where it can. */
export const refusal = (kind) => agent.value?.takes?.[kind] ?? "";

/** The two sides of a talk: whose turn the agent says, and whose the person does. */
export const sides = computed(() => ({
  agent: talk.value?.scene?.agent || "Agent",
  user: talk.value?.scene?.user || "User",
}));
export const otherSide = (speaker) =>
  speaker === sides.value.agent ? sides.value.user : sides.value.agent;

/** The side of a speaker: one who is of neither, under a name that was changed since, is the agent's. */
export const sideNamed = (speaker) => (speaker === sides.value.user ? speaker : sides.value.agent);

/** Siblings of a turn, itself included, oldest first. */
export const siblings = (id) => children.value.get(turns.value.get(id)?.parent ?? null) ?? [];
/** The newest leaf under a turn: where a branch is taken up again. */
export function leafOf(id) {
  let leaf = id;
  while (children.value.get(leaf)?.length) leaf = children.value.get(leaf).at(-1);
  return leaf;
}

/** The error of a server that wants its key, or that cannot be reached at the start; or null. */
export const locked = signal(null);

/** Which dialog of the top line is open: "" | "past" | "search" | "share". */
export const opened = signal("");

/** Which pane a narrow window shows: "stage" | "talk" | "mind". */
export const pane = signal("talk");
