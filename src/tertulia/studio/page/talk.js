// The middle pane: the turns of the active path, a window of them at a time, and what is being said.
import { looked } from "./acts.js";
import { Composer } from "./composer.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { iconButton } from "./icons.js";
import { Replies } from "./replies.js";
import * as state from "./state.js";
import { Turn } from "./turn.js";

const SIZE = 40;
const STEP = 20;
const NEAR = 80;

export function Talk() {
  return html`<h2 class="visually-hidden">Talk</h2><${Turns} /><${Spoken} /><${Composer} key=${state.talk.value.id} />`;
}

/** The path, cut where a reply is being made again in the middle of it. */
function told() {
  const path = state.path.value;
  const remade = state.running.value.find(
    (each) => each.activate && each.parent !== (state.end.value?.id ?? null),
  );
  if (!remade) return { path, after: state.end.value?.id ?? null };
  const at = path.findIndex((turn) => turn.id === remade.parent);
  if (at < 0 && remade.parent !== null) return { path, after: state.end.value?.id ?? null };
  return { path: path.slice(0, at + 1), after: remade.parent };
}

function Turns() {
  const { path, after } = told();
  const box = useRef(null);
  const [range, setRange] = useState({ from: Math.max(0, path.length - SIZE), to: path.length });
  const atEnd = useRef(true);
  const anchor = useRef(null);
  const [away, setAway] = useState(false);
  const drawn = useDrawn();
  const from = Math.min(range.from, Math.max(0, path.length - 1));
  const to = atEnd.current ? path.length : Math.min(range.to, path.length);

  const move = (change) => {
    anchor.current = firstInSight(box.current);
    atEnd.current = atEnd.current && change.to >= path.length;
    setRange({ from: Math.max(0, change.from), to: Math.min(path.length, change.to) });
  };
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const below = scrollHeight - scrollTop - clientHeight;
    atEnd.current = below < NEAR && to >= path.length;
    setAway(!atEnd.current);
    if (scrollTop < 600 && from > 0) move({ from: from - STEP, to: Math.min(to, from + 2 * SIZE) });
    else if (below < 600 && to < path.length) move({ from: Math.max(from, to - SIZE), to: to + STEP });
  };
  const toEnd = () => {
    atEnd.current = true;
    setAway(false);
    setRange({ from: Math.max(0, path.length - SIZE), to: path.length });
    requestAnimationFrame(() => (box.current.scrollTop = box.current.scrollHeight));
  };
  useLayoutEffect(() => {
    if (anchor.current) keepInSight(box.current, anchor.current);
    anchor.current = null;
  }, [range]);
  useLayoutEffect(() => {
    if (atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  });
  // What stands below the turns grows and shrinks: their end stays in sight.
  useEffect(() => {
    const turns = box.current;
    const watching = new ResizeObserver(() => {
      if (atEnd.current) turns.scrollTop = turns.scrollHeight;
    });
    watching.observe(turns);
    return () => watching.disconnect();
  }, []);
  const focus = useKeptFocus(box);
  useEffect(() => {
    const id = looked.value?.id;
    const at = path.findIndex((turn) => turn.id === id);
    if (at < 0) return;
    atEnd.current = false;
    setRange({ from: Math.max(0, at - SIZE / 2), to: Math.min(path.length, at + SIZE / 2) });
    requestAnimationFrame(() => {
      const found = box.current?.querySelector(`[data-turn="${id}"]`);
      found?.scrollIntoView({ block: "center" });
      found?.focus({ preventScroll: true });
    });
  }, [looked.value]);

  return html`<div class="turns" ref=${box} onScroll=${scrolled} ...${focus} tabindex="0" role="region" aria-label="What was said">
      ${from === 0 ? html`<${Opening} />` : html`<p class="earlier">${from} earlier turns</p>`}
      ${path.slice(from, to).map((turn) => drawn(turn, turn === path.at(-1)))}
      ${to === path.length && html`<${Replies} after=${after} />`}
    </div>
    ${away && html`<div class="to-end">${iconButton("down", "To the newest turn", toEnd)}</div>`}`;
}

/** Turns as they were drawn before, where they are the same: a reply that grows redraws itself alone. */
function useDrawn() {
  const known = useRef(new WeakMap());
  return (turn, last) => {
    const before = known.current.get(turn);
    if (before?.last === last) return before.node;
    const node = html`<${Turn} key=${turn.id} turn=${turn} last=${last} />`;
    known.current.set(turn, { last, node });
    return node;
  };
}

/** The situation, as a stage direction above the first turn; and what to do where nothing was said. */
function Opening() {
  const { situation } = state.talk.value.scene;
  const { agent } = state.sides.value;
  const none = !state.path.value.length && !state.running.value.length && !state.children.value.get(null)?.length;
  return html`${situation && html`<p class="opening" dir="auto">${situation}</p>`}
    ${none && html`<p class="nothing">Nothing was said yet. Say something, or leave the field empty and press Enter: then <bdi>${agent}</bdi> begins.</p>`}`;
}

function firstInSight(box) {
  const top = box.getBoundingClientRect().top;
  for (const each of box.querySelectorAll("[data-turn]")) {
    const at = each.getBoundingClientRect();
    if (at.bottom > top) return { id: each.dataset.turn, offset: at.top - top };
  }
  return null;
}

function keepInSight(box, { id, offset }) {
  const found = box.querySelector(`[data-turn="${id}"]`);
  if (found) box.scrollTop += found.getBoundingClientRect().top - box.getBoundingClientRect().top - offset;
}

/** Where what had the focus goes away, the focus goes to the reply that is made in its place. */
function useKeptFocus(box) {
  const within = useRef(false);
  useLayoutEffect(() => {
    if (!within.current || document.activeElement !== document.body) return;
    const all = box.current.querySelectorAll(".making, [data-turn]");
    [...all].at(-1)?.focus({ preventScroll: true });
  });
  // What is taken out of the page loses the focus first, and is still in the page then.
  const left = ({ target }) =>
    queueMicrotask(() => {
      if (target.isConnected && !box.current?.contains(document.activeElement)) within.current = false;
    });
  return { onFocusCapture: () => (within.current = true), onBlurCapture: left };
}

/** Whole replies, for screen readers; never the pieces of one. */
function Spoken() {
  const [text, setText] = useState("");
  const known = useRef(new Set(state.turns.peek().keys()));
  useEffect(() => {
    const last = state.end.value;
    if (last && !known.current.has(last.id) && last.speaker === state.sides.value.agent)
      setText(`${last.speaker}: ${last.text}`);
    known.current = new Set(state.turns.value.keys());
  }, [state.turns.value]);
  return html`<div class="visually-hidden" aria-live="polite" id="spoken">${text}</div>`;
}
