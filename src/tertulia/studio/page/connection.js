// Whether the server answers. While it does not, it is asked again until it does.
import { html, signal } from "./html.js";

const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 5000;

export const reachable = signal(true);
const waiting = new Set();

/** Do this whenever the server is there again; gives what ends it. */
export function whenBack(act) {
  waiting.add(act);
  return () => waiting.delete(act);
}

/** The server did not answer. */
export function lost() {
  if (!reachable.peek()) return;
  reachable.value = false;
  ask(FIRST_MILLISECONDS);
}

function ask(pause) {
  setTimeout(async () => {
    try {
      await fetch("/health", { cache: "no-store" });
    } catch {
      return ask(Math.min(pause * 1.5, LONGEST_MILLISECONDS));
    }
    reachable.value = true;
    for (const act of [...waiting]) act();
  }, pause);
}

export function Connection() {
  return html`<div role="alert">
    ${!reachable.value &&
    html`<p class="unreachable">The server cannot be reached. What you type is kept here, and this page goes on when the server is there again.</p>`}
  </div>`;
}
