// The tree of a talk as rows: the line that is followed stays at one level, and other ways that the
// talk took hang one level below the turn they could have been.

const ROOT = null;

/** Parent id -> ids of its turns, oldest first. */
export function childrenOf(turns, hidden = false) {
  const found = new Map();
  for (const turn of turns.values()) {
    if (turn.hidden && !hidden) continue;
    const before = turn.parent ?? ROOT;
    if (!found.has(before)) found.set(before, []);
    found.get(before).push(turn.id);
  }
  return found;
}

/**
 * Rows from top to bottom: {id, level, others, open, owner, position, size}.
 *
 * turns     turn id -> turn
 * followed  ids of the active path
 * opened    ids of the rows whose other ways are shown
 * others    how many other ways there are at this turn; owner: the row they hang below, or null
 */
export function rows(turns, followed, opened, hidden = false) {
  const children = childrenOf(turns, hidden);
  const found = [];
  const groups = new Map();
  const waiting = [{ ids: children.get(ROOT) ?? [], level: 1, owner: ROOT }];
  while (waiting.length) {
    const { ids, level, owner, only } = waiting.pop();
    if (!ids.length) continue;
    const id = only ?? ids.find((each) => followed.has(each)) ?? ids.at(-1);
    const others = only === undefined ? ids.filter((each) => each !== id) : [];
    if (!groups.has(owner)) groups.set(owner, { size: 0 });
    const group = groups.get(owner);
    group.size += 1;
    const open = others.length > 0 && opened.has(id);
    found.push({ id, level, owner, open, others: others.length, position: group.size, group });
    waiting.push({ ids: children.get(id) ?? [], level, owner });
    if (!open) continue;
    for (const other of [...others].reverse())
      waiting.push({ ids: [other], only: other, level: level + 1, owner: id });
  }
  return found;
}

/** Rows of the turns that hold these words, on whatever branch, in the order they were said. */
export function matching(turns, words, hidden = false) {
  const sought = words.toLocaleLowerCase();
  const found = [...turns.values()].filter(
    (turn) => (hidden || !turn.hidden) && turn.text.toLocaleLowerCase().includes(sought),
  );
  const group = { size: found.length };
  return found.map((turn, n) => ({
    id: turn.id, level: 1, owner: ROOT, open: false, others: 0, position: n + 1, group,
  }));
}
