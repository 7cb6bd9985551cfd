// Short messages at the foot of the page, with an undo where there is one.
import { html, signal } from "./html.js";

const SECONDS = 8;
const notices = signal([]);
let count = 0;

/** Say something for a while. kind: "done" | "wrong"; undo: what the button Undo does. */
export function tell(text, { kind = "done", undo = null } = {}) {
  const notice = { id: (count += 1), text: String(text), kind, undo };
  notices.value = [...notices.value.slice(-3), notice];
  setTimeout(() => dismiss(notice.id), (kind === "wrong" || undo ? 2 : 1) * SECONDS * 1000);
}

/** Say what went wrong. */
export const wrong = (error) => tell(error.message || String(error), { kind: "wrong" });

const dismiss = (id) => (notices.value = notices.value.filter((each) => each.id !== id));

export function Notices() {
  return html`<div class="notices" role="status" aria-live="polite">
    ${notices.value.map(
      (each) => html`<div class="notice ${each.kind}" key=${each.id}>
        <span>${each.text}</span>
        ${each.undo &&
        html`<button
          onClick=${() => {
            dismiss(each.id);
            each.undo();
          }}
        >
          Undo
        </button>`}
        <button class="quiet" aria-label="Dismiss this message" onClick=${() => dismiss(each.id)}>×</button>
      </div>`,
    )}
  </div>`;
}
