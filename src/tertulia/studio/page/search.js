// Search over past talks.
import { html } from "./html.js";

export function Search() {
  return html`<p>Search</p>`;
}
