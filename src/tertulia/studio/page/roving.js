// Many things in a row as one stop of the Tab key: arrow keys, Home and End move among them.
import { useRef, useState } from "./html.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Where a key leads from place `at` among `count`; null for a key that leads nowhere. */
export function stepped(key, at, count) {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in STEPS)) return null;
  return Math.max(0, Math.min(count - 1, at + STEPS[key]));
}

/**
 * For `count` things under one element: {at, row, stop}. `row` are the properties of that element,
 * stop(n) those of the n-th thing. `at` is the one that was last pointed at or moved to.
 */
export function useRoving(count) {
  const box = useRef(null);
  const [moved, setMoved] = useState(0);
  const at = Math.min(moved, Math.max(0, count - 1));
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const to = stepped(event.key, at, count);
    if (to === null) return;
    event.preventDefault();
    setMoved(to);
    box.current.querySelectorAll("[data-stop]")[to]?.focus();
  };
  const stop = (n) => ({
    "data-stop": "",
    tabIndex: n === at ? 0 : -1,
    onFocus: () => setMoved(n),
    onPointerEnter: () => setMoved(n),
  });
  return { at, row: { ref: box, onKeyDown }, stop };
}
