// What can be done to a talk. Every function asks the server first and then tells the store; errors
// become notices, and the functions give null for them.
import { get, send } from "./api.js";
import { draft } from "./drafts.js";
import { batch } from "./html.js";
import { followAll, forget } from "./generations.js";
import { tell, wrong } from "./notices.js";
import * as state from "./state.js";

const at = (id, rest = "") => `/tertulia/talks/${encodeURIComponent(id)}${rest}`;
const here = (rest = "") => at(state.talk.value.id, rest);
const turnAt = (id, rest = "") => here(`/turns/${encodeURIComponent(id)}${rest}`);

const CHANGED = "This talk was changed elsewhere, and is read again now. What you did was not kept: do it once more.";

/**
 * Do it, or say why not. A talk that changed elsewhere is read again, and it is done once more where its
 * end is the turn that it was, or where that does not matter.
 */
export async function tried(act, { anywhere = false } = {}) {
  const end = state.end.peek()?.id;
  try {
    return await act();
  } catch (error) {
    if (error.code !== "conflict") return wrong(error) ?? null;
  }
  await refresh();
  if (anywhere || state.end.peek()?.id === end) {
    try {
      return await act();
    } catch (error) {
      if (error.code !== "conflict") return wrong(error) ?? null;
    }
  }
  tell(CHANGED, { kind: "wrong" });
  return null;
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

/** So many of the past talks are listed; a search finds the others. */
export const LISTED = 50;

export async function listTalks(search = "", limit = LISTED, offset = 0) {
  const asked = new URLSearchParams({ limit, offset, ...(search && { search }) });
  const found = await tried(() => get(`/tertulia/talks?${asked}`));
  if (found && !search && !offset) state.talks.value = found.talks;
  return found?.talks ?? [];
}

export const loadScenes = () =>
  tried(async () => (state.scenes.value = (await get("/tertulia/scenes")).scenes));

/** Delete a scene that was posted; talks that began with it go on. */
export const removeScene = ({ id, title, scene }) =>
  tried(async () => {
    await send("DELETE", `/tertulia/scenes/${encodeURIComponent(id)}`);
    await loadScenes();
    const undo = () => tried(() => send("POST", "/tertulia/scenes", { scene, title })).then(loadScenes);
    tell("The scene was deleted.", { undo });
  });

/** Take a Talk of the server as the open one. */
function take(found) {
  const { turns, active, generations = [], ...rest } = found;
  batch(() => {
    state.turns.value = joined(state.talk.value?.id === rest.id ? state.turns.value : new Map(), turns);
    state.talk.value = rest;
    state.active.value = active;
  });
  followAll(rest.id, generations);
}

/**
 * Turns as they were read now, with what was known of them. One that was deleted is `gone`; it and all
 * after it are hidden.
 */
function joined(known, turns) {
  const found = new Map();
  for (const turn of [...turns].sort((one, other) => one.id - other.id)) {
    const hidden = turn.hidden || Boolean(found.get(turn.parent)?.hidden);
    found.set(turn.id, { ...known.get(turn.id), ...turn, gone: turn.hidden, hidden });
  }
  return found;
}

let wanted = null;

/** Open a talk by its id; null closes the open one. Of two that are asked for, the later is opened. */
export async function openTalk(id) {
  wanted = id;
  if (id === null) {
    forget();
    state.talk.value = null;
    return null;
  }
  try {
    const found = await get(at(id, "?light=1&hidden=1"));
    if (wanted !== id) return null;
    if (state.talk.value?.id === id) take(found);
    else begin(found);
    if (location.hash !== `#/talks/${id}`) location.hash = `#/talks/${id}`;
    return found;
  } catch (error) {
    if (wanted !== id) return null;
    wrong(error.status === 404 ? new Error("This talk is not there, or was deleted.") : error);
    const open = state.talk.value?.id;
    if (error.status === 404) location.hash = open ? `#/talks/${open}` : "#/";
    return null;
  }
}

/** A talk is opened in the place of another. */
function begin(found) {
  forget();
  batch(() => {
    state.selected.value = null;
    state.answering.value = [];
    take(found);
    const kept = draft(`plan.${found.id}`);
    state.keepPlan.value = kept?.keep ?? false;
    state.plan.value = kept?.plan ?? state.waitingPlan();
    state.decoding.value = draft(`decoding.${found.id}`) ?? {};
  });
}

/** Read the open talk again: it may have been changed elsewhere. */
export async function refresh() {
  const id = state.talk.value?.id;
  if (!id) return;
  try {
    const found = await get(at(id, "?light=1&hidden=1"));
    if (state.talk.value?.id === id) take(found);
  } catch (error) {
    wrong(error);
  }
}

/** Begin a talk. given: {scene | scene_id, agent, title}. */
export const startTalk = (given) =>
  tried(async () => {
    const found = await send("POST", "/tertulia/talks", given);
    await openTalk(found.id);
    listTalks();
    return found;
  });

/** Change the direction, the title or the agent: {scene: its keys that are new, title, agent}. */
export async function changeTalk(change, { id = state.talk.value.id, ...options } = {}) {
  const patch = async () => {
    const known = state.talk.value?.id === id ? { version: state.talk.value.version } : {};
    const found = await send("PATCH", at(id), { ...change, ...known }, options);
    const { turns: _turns, active: _active, generations: _under, ...rest } = found;
    if (state.talk.value?.id === id) state.talk.value = rest;
    return found;
  };
  return tried(patch, { anywhere: true });
}

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

/** Turns lose the records of their replies: the mind reads them again when it tells about one. */
export function lighten(ids) {
  const known = new Map(state.turns.value);
  for (const id of ids) {
    const { reply: _reply, direction: _direction, ...light } = known.get(id) ?? {};
    if (light.id !== undefined) known.set(id, light);
  }
  state.turns.value = known;
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
    gone(id);
    moved(found);
    tell("The turn and what came after it were deleted.", { undo: () => restore(id, before) });
    return found;
  });

/** Show a turn again, and what it follows; the path ends in `leaf`. */
export const restore = (id, leaf = id) =>
  tried(async () => {
    for (const each of pathTo(id).filter((one) => state.turns.value.get(one)?.gone))
      await send("POST", turnAt(each, "/restore"));
    await refresh();
    return activate(leaf);
  });

/** A turn is deleted, and all after it is hidden with it. */
function gone(id) {
  const known = state.turns.value;
  const deleted = { ...known.get(id), hidden: true, gone: true };
  state.turns.value = joined(known, [...new Map(known).set(id, deleted).values()].map(own));
}

/** A turn as the server tells it, whose `hidden` is its own. */
const own = (turn) => (turn.hidden && turn.gone === false ? { ...turn, hidden: false } : turn);

/** The k-th candidate of a reply becomes its sibling, and the end of the path. */
export const takeCandidate = (id, candidate) =>
  tried(async () => {
    const found = await send("POST", here("/candidates"), { turn: id, candidate });
    keep(found.turn, found);
    return found.turn;
  });

/** A turn with its reply record and its direction. Throws Refused. */
export const wholeTurn = async (id) => (await get(turnAt(id))).turn;
