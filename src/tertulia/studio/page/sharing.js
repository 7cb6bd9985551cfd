// Talks as files: export, import, and a page to read.
import { html } from "./html.js";

export function Sharing() {
  return html`<p>Share</p>`;
}

export function Importing() {
  return html``;
}
