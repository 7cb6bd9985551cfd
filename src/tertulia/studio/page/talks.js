// What can be done to a talk. Every function asks the server first and then tells the store; errors
// become notices, and the functions give null for them.
import { get, key, send } from "./api.js";
import { batch } from "./html.js";
import { followAll, forget } from "./generations.js";
import { tell, wrong } from "./notices.js";
import * as state from "./state.js";

const at = (id, rest = "") => `/tertulia/talks/${encodeURIComponent(id)}${rest}`;
const here = (rest = "") => at(state.talk.value.id, rest);
const turnAt = (id, rest = "") => here(`/turns/${encodeURIComponent(id)}${rest}`);

/** Do it, or say why not; a talk that changed elsewhere is read again. */
async function tried(act) {
  try {
    return await act();
  } catch (error) {
    if (error.status === 401) {
      state.locked.value = error;
      return null;
    }
    wrong(error);
    if (error.code === "conflict") await openTalk(state.talk.value.id);
    return null;
  }
}

/** Agents, scenes and past talks. Throws Refused, with status 401 where a key is wanted. */
export async function loadHouse() {
  const [house, shelf] = await Promise.all([get("/tertulia/agents"), get("/tertulia/scenes")]);
  batch(() => {
    state.agents.value = house.agents;
    state.goals.value = house.goals;
    state.skills.value = house.skills;
    state.scenes.value = shelf.scenes;
  });
  listTalks();
}

export async function listTalks(search = "", limit = 50, offset = 0) {
  const asked = new URLSearchParams({ limit, offset, ...(search && { search }) });
  const found = await tried(() => get(`/tertulia/talks?${asked}`));
  if (found && !search && !offset) state.talks.value = found.talks;
  return found?.talks ?? [];
}

export const loadScenes = () =>
  tried(async () => (state.scenes.value = (await get("/tertulia/scenes")).scenes));

/** Take a Talk of the server as the open one. */
function take(found) {
  const { turns, active, generations = [], ...rest } = found;
  batch(() => {
    state.talk.value = rest;
    if (turns) state.turns.value = new Map(turns.map((turn) => [turn.id, turn]));
    if (active) state.active.value = active;
  });
  followAll(rest.id, generations);
}

/** Open a talk by its id; null closes the open one. */
export async function openTalk(id) {
  if (id === null) {
    state.talk.value = null;
    return null;
  }
  return tried(async () => {
    const found = await get(at(id, "?light=1"));
    if (state.talk.value?.id !== id) {
      forget();
      batch(() => {
        state.selected.value = null;
        state.answering.value = [];
        state.keepPlan.value = false;
      });
    }
    const other = state.talk.value?.id !== id;
    take(found);
    if (other) state.plan.value = state.waitingPlan();
    if (location.hash !== `#/talks/${id}`) location.hash = `#/talks/${id}`;
    return found;
  });
}

/** Begin a talk. given: {scene | scene_id, agent, title}. */
export const startTalk = (given) =>
  tried(async () => {
    const found = await send("POST", "/tertulia/talks", given);
    await openTalk(found.id);
    listTalks();
    return found;
  });

/** Change the direction, the title or the agent: {scene, title, agent}. */
export const changeTalk = (change, options) =>
  tried(async () => {
    const sent = { ...change, version: state.talk.value.version };
    const found = await send("PATCH", here(), sent, options);
    const { turns: _turns, active: _active, generations: _under, ...rest } = found;
    state.talk.value = rest;
    return found;
  });

export const removeTalk = (id) =>
  tried(async () => {
    await send("DELETE", at(id));
    if (state.talk.value?.id === id) location.hash = "#/";
    listTalks();
    const undo = () => tried(() => send("POST", at(id, "/restore"))).then(() => listTalks());
    tell("The talk was deleted.", { undo });
    return id;
  });

/** Put a turn into the store; the path follows where the turn becomes its end. */
export function keep(turn, { version, activate = true } = {}) {
  batch(() => {
    state.turns.value = new Map(state.turns.value).set(turn.id, turn);
    if (version) moved({ version });
    if (activate) state.active.value = pathTo(turn.id);
  });
}

/** Ids from the root to a turn. */
export function pathTo(id) {
  const found = [];
  for (let at = id; at !== null && at !== undefined; at = state.turns.value.get(at)?.parent)
    found.unshift(at);
  return found;
}

function moved({ version, active }) {
  batch(() => {
    if (version) state.talk.value = { ...state.talk.value, version };
    if (active) state.active.value = active;
  });
}

/** Add a turn at the end of the path. */
export const say = ({ speaker, text, image = "" }) =>
  tried(async () => {
    const { version } = state.talk.value;
    const parent = state.end.value?.id ?? null;
    const found = await send("POST", here("/turns"), { parent, speaker, text, image, version });
    keep(found.turn, found);
    return found.turn;
  });

/** Make a turn, or null for the root, the end of the path. */
export const activate = (id) =>
  tried(async () => {
    const { version } = state.talk.value;
    const found = await send("POST", here("/active"), { turn: id, version });
    moved(found);
    return found;
  });

/** Another wording of a turn, beside it. */
export const edit = (id, { text, image }) =>
  tried(async () => {
    const { version } = state.talk.value;
    const found = await send("POST", turnAt(id, "/edit"), { text, image, version });
    keep(found.turn, found);
    return found.turn;
  });

export const rate = (id, rating, note = "") =>
  tried(async () => {
    const found = await send("PUT", turnAt(id, "/rating"), { rating, note });
    keep(found.turn, { activate: false });
    return found.turn;
  });

/** Hide a turn and all after it, with an undo. */
export const remove = (id) =>
  tried(async () => {
    const before = state.active.value.at(-1);
    const found = await send("DELETE", turnAt(id));
    mark(id, true);
    moved(found);
    tell("The turn and what came after it are hidden.", { undo: () => restore(id, before) });
    return found;
  });

export const restore = (id, leaf = id) =>
  tried(async () => {
    const found = await send("POST", turnAt(id, "/restore"));
    mark(id, false);
    moved(found);
    await activate(leaf);
    return found;
  });

/** Mark a turn and all after it as hidden, or as shown. */
function mark(id, hidden) {
  const marked = new Map(state.turns.value);
  const under = new Set([id]);
  for (const turn of [...marked.values()].sort((one, other) => one.id - other.id)) {
    if (under.has(turn.parent)) under.add(turn.id);
    if (under.has(turn.id)) marked.set(turn.id, { ...turn, hidden });
  }
  state.turns.value = marked;
}

/** The k-th candidate of a reply becomes its sibling, and the end of the path. */
export const takeCandidate = (id, candidate) =>
  tried(async () => {
    const found = await send("POST", here("/candidates"), { turn: id, candidate });
    keep(found.turn, found);
    return found.turn;
  });

/** A turn with its reply record and its direction. Throws Refused. */
export const wholeTurn = async (id) => (await get(turnAt(id))).turn;

export { key };
