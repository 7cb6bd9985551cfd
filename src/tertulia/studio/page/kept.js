// Small things that this browser keeps: choices and drafts. Where it keeps nothing (its storage is full
// or switched off) the page works all the same, and forgets them when it is closed.
const here = new Map();

/** The text that is kept under a name, or null. */
export function kept(name) {
  if (here.has(name)) return here.get(name);
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keep a text under a name; null lets it go. */
export function keep(name, text) {
  here.delete(name);
  try {
    if (text === null) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
  } catch {
    here.set(name, text);
  }
}
