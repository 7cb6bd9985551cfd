// Replies under way. They live in the server: the page follows them, and takes them up again after
// a reload.
import { follow, get, send } from "./api.js";
import { batch } from "./html.js";
import { wrong } from "./notices.js";
import * as state from "./state.js";
import { keep } from "./talks.js";

const followed = new Map();

/** Change what is known of a generation. */
function told(id, change) {
  const known = state.generations.value;
  if (known.has(id))
    state.generations.value = new Map(known).set(id, { ...known.get(id), ...change });
}

/**
 * Ask for replies. given: {agents: [names], parent, plan, direction, decoding, speaker, activate,
 * continue, dry}; what is left out is the talk's. Gives the ids of the generations, one an agent; or null.
 */
export async function reply(given = {}) {
  const id = state.talk.value.id;
  try {
    const path = `/tertulia/talks/${encodeURIComponent(id)}/replies`;
    const found = await send("POST", path, given);
    const parent = given.parent === undefined ? (state.end.value?.id ?? null) : given.parent;
    for (const each of found.generations) {
      const { activate = true, dry = false, speaker = state.sides.value.agent } = given;
      begin({ ...each, talk: id, parent, activate, dry, speaker, continued: given.continue ?? null });
    }
    return found.generations.map((each) => each.id);
  } catch (error) {
    wrong(error);
    return null;
  }
}

/** Follow a generation that is new to the page. */
function begin(given) {
  const fresh = {
    state: "waiting", plan: null, prompt: null, texts: [], candidates: null, timings: null,
    turn: null, error: null, dry: false, activate: true, began: Date.now(),
  };
  state.generations.value = new Map(state.generations.value).set(given.id, { ...fresh, ...given });
  const stopping = new AbortController();
  followed.set(given.id, stopping);
  follow(given.id, (name, data) => heard(given.id, name, data), stopping.signal)
    .catch((error) => failed(given.id, error))
    .finally(() => followed.delete(given.id));
}

function failed(id, error) {
  told(id, { state: "failed", error: { message: error.message } });
  wrong(error);
}

const HEARD = {
  state: (id, data) => told(id, { state: data.state }),
  plan: (id, data) => told(id, { plan: data }),
  prompt: (id, data) => told(id, { prompt: data }),
  piece: (id, { candidate = 0, text }) => {
    const texts = [...state.generations.value.get(id).texts];
    texts[candidate] = (texts[candidate] ?? "") + text;
    told(id, { texts });
  },
  reply: (id, data) => {
    const mine = state.generations.value.get(id);
    const stopped = data.turn?.status === "stopped";
    batch(() => {
      told(id, { ...data, state: stopped ? "stopped" : "done" });
      if (mine.dry || !data.turn || mine.talk !== state.talk.value?.id) return;
      const turn = { ...data.turn, agent_name: mine.agent_name };
      keep(turn, { version: data.version, activate: mine.activate });
    });
  },
  error: (id, data) => {
    const error = data.error ?? data;
    told(id, { state: "failed", error });
    wrong(error);
  },
};

function heard(id, name, data) {
  if (state.generations.value.has(id)) HEARD[name]?.(id, data);
}

/** Take up generations of a talk that the page does not follow yet. */
export function followAll(talk, ids) {
  for (const id of ids.filter((each) => !followed.has(each)))
    get(`/tertulia/generations/${encodeURIComponent(id)}`)
      .then((found) => begin({ ...found, talk, id, texts: [] }))
      .catch(wrong);
}

/** Leave generations to themselves; the server goes on with them. */
export function forget() {
  for (const stopping of followed.values()) stopping.abort();
  followed.clear();
  state.generations.value = new Map();
}

/** Stop a generation; what was said so far is kept. */
export const stop = (id) =>
  send("POST", `/tertulia/generations/${encodeURIComponent(id)}/stop`).catch(wrong);
export const stopAll = () => Promise.all(state.running.value.map((each) => stop(each.id)));

/** Wait until a generation is over; gives it as it is then known. */
export const over = (id) =>
  new Promise((done) => {
    const stopWatching = state.generations.subscribe((known) => {
      const mine = known.get(id);
      if (mine && !state.OVER.has(mine.state)) return;
      done(mine ?? null);
      queueMicrotask(() => stopWatching());
    });
  });
