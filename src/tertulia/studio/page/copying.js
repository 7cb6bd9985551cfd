// Text for other programs.
import { tell } from "./notices.js";

/** Put a text on the clipboard; what: its name at the beginning of a sentence. */
export async function copied(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} was copied.`);
  } catch {
    tell("The browser does not let the page copy: mark the text, and copy it by hand.", { kind: "wrong" });
  }
}
