// Text of people and models as nodes: paragraphs, lines, *emphasis*, **strong** and `code`. Whatever else
// is in it, markup of any kind included, stays the text it is. There are no links: what a model names
// is not a place to go.
import { html } from "./html.js";

const MARKED = /(\*\*[^*\n]+\*\*|\*[^*\s](?:[^*\n]*[^*\s])?\*|`[^`\n]+`)/g;
const MOST = 20_000;

/** Paragraphs of a text. */
export function prose(text) {
  return String(text ?? "")
    .split(/\n{2,}/)
    .map((each) => html`<p dir="auto">${each.length > MOST ? each : each.split(MARKED).map(marked)}</p>`);
}

function marked(part, place) {
  if (place % 2 === 0) return part;
  if (part.startsWith("**")) return html`<strong>${part.slice(2, -2)}</strong>`;
  if (part.startsWith("`")) return html`<code>${part.slice(1, -1)}</code>`;
  return html`<em>${part.slice(1, -1)}</em>`;
}
