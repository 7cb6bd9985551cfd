// What is typed and not sent yet, kept in this browser for each talk until it is sent.
import { keep, kept } from "./kept.js";

const PREFIX = "tertulia.draft.";

/** The draft of a name, or null. */
export function draft(name) {
  try {
    return JSON.parse(kept(PREFIX + name));
  } catch {
    return null;
  }
}

/** Keep a draft; null lets it go. */
export const keepDraft = (name, value) => keep(PREFIX + name, value === null ? null : JSON.stringify(value));
