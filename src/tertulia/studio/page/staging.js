// The direction as it is typed: kept in this browser at once, sent to the server a moment later.
import { draft, keepDraft } from "./drafts.js";
import { useEffect, useRef, useState } from "./html.js";
import * as state from "./state.js";
import { changeTalk } from "./talks.js";

const PAUSE = 600;

/** {scene, change, status} of the open talk; change takes the keys of a scene that are new. */
export function useStage() {
  const name = `stage.${state.talk.value.id}`;
  const [unsaved, setUnsaved] = useState(() => draft(name));
  const [status, setStatus] = useState("");
  const waiting = useRef(unsaved);
  const timer = useRef(0);

  const send = async (options) => {
    clearTimeout(timer.current);
    const sent = waiting.current;
    if (!sent) return;
    const found = await changeTalk({ scene: tidy({ ...state.talk.peek().scene, ...sent }) }, options);
    if (!found) return setStatus("not saved");
    if (waiting.current !== sent) return;
    waiting.current = null;
    keepDraft(name, null);
    setUnsaved(null);
    setStatus("saved");
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
    if (waiting.current) timer.current = setTimeout(send, PAUSE);
    addEventListener("pagehide", leave);
    return () => {
      removeEventListener("pagehide", leave);
      clearTimeout(timer.current);
    };
  }, []);
  return { scene: { ...state.talk.value.scene, ...unsaved }, change, status };
}

/** What loading another scene changes: all of its direction, and the names of the sides. */
export function edited(before, given) {
  const { turns: _turns, ...header } = given;
  const empty = Object.fromEntries(Object.keys(before).map((key) => [key, undefined]));
  const { turns: _mine, ...cleared } = empty;
  return { ...cleared, agent: before.agent, user: before.user, ...header };
}

/** A scene without lines that are empty, and without keys that say nothing. */
function tidy(scene) {
  const full = (list) => list.filter((each) => each.trim());
  const { turns: _turns, ...header } = scene;
  const kept = Object.entries(header).filter(([, value]) => value !== undefined && value !== null);
  const found = Object.fromEntries(kept);
  for (const key of ["knowledge", "memory"]) if (found[key]) found[key] = full(found[key]);
  if (found.personas)
    found.personas = Object.fromEntries(Object.entries(found.personas).map(([name, facts]) => [name, full(facts)]));
  return found;
}
