// The tree of the talk: every turn that was said, on whatever branch. Only the rows in sight are
// drawn, so two thousand turns open at once.
import { lookAt } from "./acts.js";
import { matching, rows } from "./branches.js";
import { html, useLayoutEffect, useMemo, useRef, useState } from "./html.js";
import { active, leafOf, selected, turns } from "./state.js";
import { activate, remove, restore } from "./talks.js";

const ROW = 36;
/** Rows drawn above and below those in sight. */
const MARGIN = 8;
const DEEPEST = 8;

export function Tree() {
  const [opened, setOpened] = useState(() => new Set());
  const [hidden, setHidden] = useState(false);
  const [words, setWords] = useState("");
  const followed = useMemo(() => new Set(active.value), [active.value]);
  const shown = useMemo(
    () => (words.trim() ? matching(turns.value, words.trim(), hidden) : rows(turns.value, followed, opened, hidden)),
    [turns.value, followed, opened, hidden, words],
  );
  const open = (id, on) => {
    const next = new Set(opened);
    if (on) next.add(id);
    else next.delete(id);
    setOpened(next);
  };
  const some = [...turns.value.values()].some((turn) => turn.hidden);
  return html`<section class="tree-view" aria-labelledby="tree">
    <h3 id="tree">Tree of the talk</h3>
    <label>Find a turn
      <input type="search" value=${words} onInput=${(event) => setWords(event.target.value)} />
    </label>
    ${some &&
    html`<label class="check"
      ><input type="checkbox" checked=${hidden} onChange=${(event) => setHidden(event.target.checked)} /> Deleted turns, too</label
    >`}
    <p class="hint" role="status">${counted(shown.length, turns.value.size, words)}</p>
    ${shown.length > 0 && html`<${Rows} shown=${shown} followed=${followed} open=${open} />`}
  </section>`;
}

function counted(count, all, words) {
  if (words.trim()) return `${count} of ${all} turns`;
  if (!all) return "Nothing was said yet.";
  return `${all === 1 ? "1 turn" : `${all} turns`}. Arrow keys move; right opens other ways, Enter goes there.`;
}

function Rows({ shown, followed, open }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(480);
  const [current, setCurrent] = useState(() => startingAt());
  const wanted = useRef(false);
  const at = Math.max(0, shown.findIndex((row) => row.id === current));

  useLayoutEffect(() => reveal(box.current, at), []);
  useLayoutEffect(() => setHeight(box.current.clientHeight), [shown.length]);
  // Before the next key can come: one that came earlier would move the focus from the row that was left.
  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    reveal(box.current, at);
    box.current.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
  });

  const move = (to) => {
    wanted.current = true;
    setCurrent(shown[Math.max(0, Math.min(shown.length - 1, to))].id);
  };
  const onKeyDown = (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("button")) return;
    event.preventDefault();
    wanted.current = true;
    act({ shown, at, row: shown[at], move, open, page: Math.floor(height / ROW) });
  };
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const last = Math.min(shown.length, Math.ceil((top + height) / ROW) + MARGIN);
  const drawn = [...Array(Math.max(0, last - first)).keys()].map((n) => first + n);
  if (at < first) drawn.unshift(at);
  if (at >= last) drawn.push(at);
  return html`<div
      class="rows"
      ref=${box}
      role="tree"
      aria-labelledby="tree"
      onScroll=${(event) => setTop(event.target.scrollTop)}
      onKeyDown=${onKeyDown}
    >
      <div class="height" role="none" style=${{ height: `${shown.length * ROW}px` }}>
        ${drawn.map(
          (n) => html`<${Row}
            key=${shown[n].id}
            row=${shown[n]}
            n=${n}
            isCurrent=${n === at}
            isFollowed=${followed.has(shown[n].id)}
            choose=${() => setCurrent(shown[n].id)}
            open=${open}
          />`,
        )}
      </div>
    </div>
    <${Acts} id=${shown[at].id} isFollowed=${followed.has(shown[at].id)} />`;
}

const startingAt = () => selected.peek() ?? active.peek().at(-1) ?? null;

/** Scroll a row into sight. */
function reveal(box, at) {
  const [above, below] = [at * ROW, (at + 1) * ROW - box.clientHeight];
  if (box.scrollTop > above) box.scrollTop = above;
  else if (box.scrollTop < below) box.scrollTop = below;
}

const KEYS = {
  ArrowDown: ({ at, move }) => move(at + 1),
  ArrowUp: ({ at, move }) => move(at - 1),
  PageDown: ({ at, page, move }) => move(at + page),
  PageUp: ({ at, page, move }) => move(at - page),
  Home: ({ move }) => move(0),
  End: ({ shown, move }) => move(shown.length - 1),
  ArrowRight: ({ row, at, open, move }) => {
    if (row.open) move(at + 1);
    else if (row.others) open(row.id, true);
  },
  ArrowLeft: ({ row, shown, open, move }) => {
    if (row.open) open(row.id, false);
    else if (row.owner !== null) move(shown.findIndex((each) => each.id === row.owner));
  },
  Enter: ({ row }) => go(row.id),
  " ": ({ row }) => (selected.value = row.id),
};

/** Follow the branch of a turn, and show in the mind what is known of it. */
async function go(id) {
  if (!active.peek().includes(id)) await activate(leafOf(id));
  selected.value = id;
}

function Row({ row, n, isCurrent, isFollowed, choose, open }) {
  const turn = turns.value.get(row.id);
  const ways = row.others === 1 ? "1 other way" : `${row.others} other ways`;
  const classes = ["branch", isFollowed && "followed", turn.hidden && "hidden", selected.value === row.id && "told"];
  return html`<div
    role="treeitem"
    class=${classes.filter(Boolean).join(" ")}
    style=${{ top: `${n * ROW}px`, paddingInlineStart: `${Math.min(row.level, DEEPEST) * 1.1 - 0.6}rem` }}
    tabindex=${isCurrent ? 0 : -1}
    aria-level=${row.level}
    aria-posinset=${row.position}
    aria-setsize=${row.group.size}
    aria-expanded=${row.others ? row.open : undefined}
    aria-selected=${selected.value === row.id}
    aria-current=${isFollowed ? "true" : undefined}
    onFocus=${choose}
    onDblClick=${() => go(row.id)}
  >
    <span class="mark" aria-hidden="true">${isFollowed ? "●" : "○"}</span>
    <bdi class="who">${turn.speaker}</bdi>
    <span class="text" dir="auto">${turn.text || "(nothing)"}</span>
    ${turn.edited_from !== null && turn.edited_from !== undefined && html`<span class="badge">edited</span>`}
    ${Boolean(turn.rating) && html`<span class="badge">${turn.rating > 0 ? "good" : "bad"}</span>`}
    ${row.others > 0 &&
    html`<span class="ways" onClick=${() => open(row.id, !row.open)}>${row.open ? "▾" : "▸"} ${ways}</span>`}
  </div>`;
}

/** What can be done with the turn that the tree is at. */
function Acts({ id, isFollowed }) {
  const turn = turns.value.get(id);
  return html`<div class="current">
    <p class="words" dir="auto"><bdi class="who">${turn.speaker}</bdi> ${turn.text}</p>
    <div class="acts">
      ${turn.hidden
        ? html`<button onClick=${() => restore(id)}>Bring it back</button>`
        : html`<button onClick=${() => lookAt(id)}>${isFollowed ? "Show it in the talk" : "Go to this branch"}</button>
            <button onClick=${() => activate(id)} disabled=${active.value.at(-1) === id}>Go on from here</button>
            <button class="quiet" onClick=${() => remove(id)}>Delete it and what follows</button>`}
    </div>
  </div>`;
}
