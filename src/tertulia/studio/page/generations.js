// Replies under way. They live in the server: the page follows them, and takes them up again after
// a reload.
import { follow, get, send } from "./api.js";
import { batch } from "./html.js";
import { tell, wrong } from "./notices.js";
import * as state from "./state.js";
import { activate, keep, lighten, refresh, tried } from "./talks.js";

/** Replies that are over, and of which all is still in the page. */
const MOST_OVER = 8;
/** Pieces are gathered for so long before they are drawn. */
const DRAWN_MILLISECONDS = 40;
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
export const reply = (given = {}) =>
  tried(async () => {
    const id = state.talk.value.id;
    const path = `/tertulia/talks/${encodeURIComponent(id)}/replies`;
    const found = await send("POST", path, given);
    const parent = given.parent === undefined ? (state.end.value?.id ?? null) : given.parent;
    const { activate = true, dry = false, speaker = state.sides.value.agent } = given;
    for (const each of found.generations)
      begin({ ...each, talk: id, parent, activate, dry, speaker, continued: given.continue ?? null, given });
    return found.generations.map((each) => each.id);
  });

/** Ask once more for a reply that failed. */
export function retry(made) {
  dismiss(made.id);
  const given = made.given ?? { parent: made.parent, speaker: made.speaker };
  return reply({ ...given, agents: [made.agent_name] });
}

export function dismiss(id) {
  const left = new Map(state.generations.value);
  left.delete(id);
  state.generations.value = left;
}

/** Follow a generation that is new to the page. */
function begin(given) {
  if (followed.has(given.id) || given.talk !== state.talk.value?.id) return;
  const blank = {
    state: "waiting", plan: null, prompt: null, texts: [], thoughts: "", candidates: null, timings: null,
    turn: null, error: null, dry: false, activate: true, began: Date.now(),
    end: state.end.value?.id ?? null,
  };
  const known = spared(state.generations.value);
  state.generations.value = new Map(known).set(given.id, { ...blank, ...given });
  const stopping = new AbortController();
  followed.set(given.id, stopping);
  follow(given.id, (name, data) => heard(given.id, name, data), stopping.signal)
    .catch((error) => failed(given.id, error))
    .finally(() => followed.get(given.id) === stopping && followed.delete(given.id));
}

/** What is known, without all but the latest of what is over. */
function spared(known) {
  const over = [...known.values()].filter((each) => state.OVER.has(each.state) && (each.dry || each.turn));
  const gone = over.slice(0, -MOST_OVER);
  if (!gone.length) return known;
  lighten(gone.flatMap((each) => each.turn?.id ?? []));
  const left = new Map(known);
  for (const each of gone) left.delete(each.id);
  return left;
}

/** Nothing more is told of a generation. */
function failed(id, error) {
  if (error.status !== 404) {
    told(id, { state: "failed", error: { message: error.message } });
    return wrong(error);
  }
  // The server was started anew, and has kept as a turn what was said until then.
  const lost = state.generations.value.get(id);
  told(id, { state: "failed", error: { message: "The server was started anew while this was said." } });
  if (!lost || lost.dry) return undefined;
  dismiss(id);
  tell("The server was started anew. What was said until then was kept as a turn.");
  return refresh();
}

/** Candidate -> text that came, and is not drawn yet; by generation. */
const fresh = new Map();
let drawing = 0;

function draw() {
  clearTimeout(drawing);
  drawing = 0;
  batch(() => {
    for (const [id, more] of fresh) {
      const known = state.generations.value.get(id);
      if (!known) continue;
      const texts = [...known.texts];
      for (const [candidate, text] of more.texts) texts[candidate] = (texts[candidate] ?? "") + text;
      told(id, { texts, thoughts: known.thoughts + more.thoughts });
    }
  });
  fresh.clear();
}

function gather(id, { candidate = 0, text = "", thought = "" }) {
  if (!fresh.has(id)) fresh.set(id, { texts: new Map(), thoughts: "" });
  const more = fresh.get(id);
  more.texts.set(candidate, (more.texts.get(candidate) ?? "") + text);
  if (candidate === 0) more.thoughts += thought;
  drawing ||= setTimeout(draw, DRAWN_MILLISECONDS);
}

/** The agent's model is open now: how much it can see is known from here on. */
function opened(name) {
  if (state.agentOf(name)?.loaded === false) get("/tertulia/agents").then((found) => (state.agents.value = found.agents), wrong);
}

/** Status of a turn -> state of the generation that it came of, where that is not "done". */
const ENDED = { stopped: "stopped", interrupted: "failed" };
const HEARD = {
  state: (id, data) => told(id, { state: data.state }),
  plan: (id, data) => told(id, { plan: data }),
  prompt: (id, data) => told(id, { prompt: data }),
  piece: gather,
  reply: (id, data) => {
    const mine = state.generations.value.get(id);
    batch(() => {
      told(id, { ...data, state: ENDED[data.turn?.status] ?? "done" });
      opened(mine.agent_name);
      if (mine.dry || !data.turn || mine.talk !== state.talk.value?.id) return;
      const turn = { ...data.turn, agent_name: mine.agent_name };
      // Who went elsewhere meanwhile stays there, as in the store.
      const stays = (state.end.value?.id ?? null) === mine.end;
      keep(turn, { version: data.version, activate: mine.activate && stays });
      if (mine.activate && !stays) tell("The reply came on another branch.", { label: "Go there", undo: () => activate(turn.id) });
    });
  },
  error: (id, data) => {
    const error = data.error ?? data;
    told(id, { state: "failed", error });
    wrong(error);
  },
};

function heard(id, name, data) {
  if (name !== "piece") draw();
  if (state.generations.value.has(id)) HEARD[name]?.(id, data);
}

/** Take up generations of a talk that the page does not follow yet. */
export function followAll(talk, ids) {
  for (const id of ids.filter((each) => !followed.has(each)))
    get(`/tertulia/generations/${encodeURIComponent(id)}`)
      .then((found) => begin({ ...found, talk, id, texts: [], candidates: null }))
      .catch((error) => error.status === 404 || wrong(error));
}

/** Leave generations to themselves; the server goes on with them. */
export function forget() {
  for (const stopping of followed.values()) stopping.abort();
  followed.clear();
  fresh.clear();
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
