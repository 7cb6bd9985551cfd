// The right pane: what stands behind a reply.
import { html } from "./html.js";

export function Mind() {
  return html`<h2>Mind</h2>`;
}
