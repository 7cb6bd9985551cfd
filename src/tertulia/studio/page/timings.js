// How long a reply took, and where the time went.
import { h, html } from "./html.js";

const PARTS = [["waited", "waited for its turn"], ["first", "until the first word"], ["rest", "the rest"]];

export function Timings({ about }) {
  const { timings, usage } = about;
  if (!timings && !usage) return null;
  const rows = figures(timings ?? {}, usage ?? {}).filter(([, value]) => value !== null);
  return html`<section class="timings" aria-labelledby="timings">
    <h3 id="timings">Time</h3>
    ${timings && html`<${Line} parts=${parts(timings)} />`}
    <dl class="figures">
      ${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd class="figure">${value}</dd></div>`)}
    </dl>
  </section>`;
}

/** Seconds of each part, in the order they passed. */
function parts({ waited = 0, first_token: first = null, total = 0 }) {
  const made = Math.max(0, total - waited);
  const began = first === null ? made : Math.min(made, Math.max(0, first - waited));
  return { waited, first: began, rest: made - began };
}

function Line({ parts: spent }) {
  const total = PARTS.reduce((sum, [name]) => sum + spent[name], 0) || 1;
  let at = 0;
  const rects = PARTS.map(([name, label]) => {
    const width = (spent[name] / total) * 100;
    const rect = h("rect", { class: `part-${name}`, x: at, y: 0, width, height: 6 }, h("title", null, label));
    at += width;
    return rect;
  });
  const line = { class: "spent", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" };
  return html`${h("svg", line, rects)}
    <p class="key" aria-hidden="true">
      ${PARTS.filter(([name]) => spent[name] > 0).map(([name, label]) => html`<span class="swatch part-${name}">${label}</span>`)}
    </p>`;
}

const seconds = (value) => (typeof value === "number" ? `${value.toFixed(2)} s` : null);
const count = (value) => (typeof value === "number" ? String(value) : null);

function figures(timings, usage) {
  const { first_token: first, total } = timings;
  const made = usage.completion_tokens;
  const speaking = typeof first === "number" && typeof total === "number" ? total - first : 0;
  const pace = made > 1 && speaking > 0 ? `${((made - 1) / speaking).toFixed(1)} a second` : null;
  return [
    ["waited", seconds(timings.waited)],
    ["first word after", seconds(first)],
    ["whole reply after", seconds(total)],
    ["tokens", pace],
    ["tokens of the prompt", count(usage.prompt_tokens)],
    ["of them kept from before", count(usage.cached_tokens || null)],
    ["tokens of the reply", count(made)],
  ];
}
