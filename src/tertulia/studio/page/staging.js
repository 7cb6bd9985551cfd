// The direction as it is typed: kept in this browser at once, sent to the server a moment later.
import { whenBack } from "./connection.js";
import { draft, keepDraft } from "./drafts.js";
import { useEffect, useRef, useState } from "./html.js";
import * as state from "./state.js";
import { changeTalk } from "./talks.js";

const PAUSE = 600;
let settle = () => null;

/** Send what was typed on the stage and is not sent yet, so that the next reply follows it. */
export const settled = () => settle();

/** {scene, change, status} of the open talk; change takes the keys of a scene that are new. */
export function useStage() {
  const { id } = state.talk.value;
  const name = `stage.${id}`;
  const [unsaved, setUnsaved] = useState(() => draft(name));
  const [status, setStatus] = useState("");
  const waiting = useRef(unsaved);
  const timer = useRef(0);
  const sending = useRef(null);

  const send = (options = {}) => {
    clearTimeout(timer.current);
    if (waiting.current) sending.current ??= sent(options).finally(() => (sending.current = null));
    return sending.current;
  };
  const sent = async (options) => {
    const given = waiting.current;
    const found = await changeTalk({ scene: tidy(given) }, { ...options, id });
    if (!found) return setStatus("not saved");
    // What was typed meanwhile is sent next.
    if (waiting.current !== given) return sent(options);
    waiting.current = null;
    keepDraft(name, null);
    setUnsaved(null);
    return setStatus("saved");
  };
  const change = (given) => {
    waiting.current = { ...waiting.current, ...given };
    keepDraft(name, waiting.current);
    setUnsaved(waiting.current);
    setStatus("…");
    clearTimeout(timer.current);
    timer.current = setTimeout(send, PAUSE);
  };
  useEffect(() => {
    const leave = () => send({ keepalive: true });
    const stopWaiting = whenBack(() => send());
    if (waiting.current) timer.current = setTimeout(send, PAUSE);
    settle = send;
    addEventListener("pagehide", leave);
    return () => {
      removeEventListener("pagehide", leave);
      stopWaiting();
      settle = () => null;
      send();
    };
  }, []);
  return { scene: { ...state.talk.value.scene, ...unsaved }, change, status };
}

/** A scene that says nothing. */
const EMPTY = { situation: "", instruction: "", personas: {}, knowledge: [], memory: [], lore: [], plan: state.NO_PLAN };

/** What loading another scene changes: all of its direction, and the names of the sides. */
export function edited(before, given) {
  const { turns: _turns, ...header } = given;
  return { agent: before.agent, user: before.user, ...EMPTY, ...header };
}

/** Keys of a scene without lines that are empty. */
function tidy(scene) {
  const full = (list) => list.filter((each) => each.trim());
  const { turns: _turns, ...found } = scene;
  for (const key of ["knowledge", "memory"]) if (found[key]) found[key] = full(found[key]);
  if (found.personas)
    found.personas = Object.fromEntries(Object.entries(found.personas).map(([name, facts]) => [name, full(facts)]));
  return found;
}
