// Short messages at the head of the page, with an undo where there is one. What went wrong stays until it
// is dismissed; the others go after a while, but not while they are pointed at or in focus.
import { lost } from "./connection.js";
import { html, signal } from "./html.js";
import { locked } from "./state.js";

const MILLISECONDS = 8000;
const MOST = 4;
const notices = signal([]);
const timers = new Map();
let count = 0;

/** How many dialogs are open: what is behind one can be neither pressed nor heard. */
export const layer = signal(0);

/** Say something for a while. kind: "done" | "wrong"; undo: what its button does, which is called label. */
export function tell(text, { kind = "done", undo = null, label = "Undo" } = {}) {
  const notice = { id: (count += 1), text: String(text), kind, undo, label };
  const others = notices.value.filter((each) => each.text !== notice.text || each.undo);
  notices.value = [...others.slice(1 - MOST), notice];
  goesLater(notice);
}

/** Say what went wrong. A key that is wanted and a server that is away have a place of their own. */
export function wrong(error) {
  if (error.status === 401) locked.value = error;
  else if (error.status === 0) lost();
  else tell(error.message || String(error), { kind: "wrong" });
}

function goesLater(notice) {
  if (notice.kind === "wrong") return;
  stays(notice);
  timers.set(notice.id, setTimeout(() => dismiss(notice.id), (notice.undo ? 2 : 1) * MILLISECONDS));
}

function stays(notice) {
  clearTimeout(timers.get(notice.id));
  timers.delete(notice.id);
}

function dismiss(id) {
  stays({ id });
  notices.value = notices.value.filter((each) => each.id !== id);
}

/** The messages, in the page (level 0) or in the dialog that is in front of it. */
export function Notices({ level = 0 }) {
  if (layer.value !== level) return null;
  const shown = (kind) => notices.value.filter((each) => each.kind === kind).map(drawn);
  return html`<div class="notices">
    <div role="status" aria-live="polite">${shown("done")}</div>
    <div role="alert">${shown("wrong")}</div>
  </div>`;
}

function drawn(notice) {
  const undo = () => {
    dismiss(notice.id);
    notice.undo();
  };
  const [hold, release] = [() => stays(notice), () => goesLater(notice)];
  const held = { onPointerEnter: hold, onFocusCapture: hold, onPointerLeave: release, onBlurCapture: release };
  return html`<div class="notice ${notice.kind}" key=${notice.id} ...${held}>
    <span>${notice.text}</span>
    ${notice.undo && html`<button type="button" onClick=${undo}>${notice.label}</button>`}
    <button type="button" class="quiet" aria-label="Dismiss this message" onClick=${() => dismiss(notice.id)}>×</button>
  </div>`;
}
