// What is typed and not sent yet, kept in this browser for each talk until it is sent.
const PREFIX = "tertulia.draft.";

/** The draft of a name, or null. */
export function draft(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

/** Keep a draft; null lets it go. */
export function keepDraft(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Storage is full or off: the draft is still in the page.
  }
}
