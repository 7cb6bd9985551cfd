// A reply token by token, with the probability of each: by pointer, by arrow keys, or as a table.
import { html, useState } from "./html.js";
import { useRoving } from "./roving.js";

/** Least probability of each step, and what a step is called; unlikelier tokens are marked more. */
const STEPS = [[0.5, "likely"], [0.2, "open"], [0.05, "unlikely"], [0.01, "rare"], [0, "very rare"]];
const MANY = 400;

export function Tokens({ candidate }) {
  const tokens = candidate?.tokens;
  if (!tokens?.length)
    return html`<p class="hint">The probabilities of the tokens are not known: this engine does not tell them.</p>`;
  return html`<${Known} tokens=${tokens} />`;
}

function Known({ tokens }) {
  const [all, setAll] = useState(false);
  const shown = all ? tokens : tokens.slice(0, MANY);
  const { at, row, stop } = useRoving(shown.length);
  const [text, logprob, others = []] = shown[at];
  return html`<div class="tokens">
    <h4 id="tokens">Tokens</h4>
    <p class="readout" aria-hidden="true">
      <bdi class="words">${seen(text)}</bdi> ${percent(logprob)} <span class="hint">ln ${logprob.toFixed(2)}</span>
      ${others.length > 0 && html`<span class="others">${others.map((each) => html`<${Other} other=${each} said=${text} />`)}</span>`}
    </p>
    <div class="stream words" role="listbox" aria-labelledby="tokens" aria-orientation="horizontal" ...${row}>
      ${shown.map(
        ([each, value, more = []], n) => html`<span
          role="option"
          class="token step${step(value)}"
          aria-selected=${n === at}
          aria-label="${seen(each)}: ${percent(value)}${instead(more)}"
          ...${stop(n)}
          >${drawn(each)}</span
        >`,
      )}
    </div>
    ${tokens.length > shown.length &&
    html`<button class="quiet" onClick=${() => setAll(true)}>All ${tokens.length} tokens</button>`}
    <p class="key" aria-hidden="true">
      ${STEPS.map(([least, name], n) => html`<span class="token step${n}">${name}${least ? ` ≥ ${least * 100} %` : ""}</span>`)}
    </p>
    <details>
      <summary>Tokens as a table</summary>
      <div class="wide" tabindex="0" role="region" aria-label="Tokens as a table">
        <table>
          <thead><tr><th scope="col">token</th><th scope="col">probability</th><th scope="col">ln</th></tr></thead>
          <tbody>
            ${shown.map(
              ([each, value]) => html`<tr>
                <td class="words">${seen(each)}</td>
                <td class="figure">${percent(value)}</td>
                <td class="figure">${value.toFixed(3)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
  </div>`;
}

/** One of the likeliest tokens at a place, which was said or could have been. */
const Other = ({ other: [text, logprob], said }) =>
  html`<span class=${text === said ? "taken" : ""}><bdi class="words">${seen(text)}</bdi> ${percent(logprob)}</span>`;

const instead = (others) =>
  others.length ? `; likeliest: ${others.map(([text, logprob]) => `${seen(text)} ${percent(logprob)}`).join(", ")}` : "";

const step = (logprob) => STEPS.findIndex(([least]) => Math.exp(logprob) >= least);

function percent(logprob) {
  const found = Math.exp(logprob) * 100;
  return `${found >= 10 ? found.toFixed(0) : found.toPrecision(2)} %`;
}

/** A token in words: what cannot be seen has a sign. */
const seen = (text) => (text === "" ? "part of a character" : text.replaceAll("\n", "↵").replaceAll(" ", "␣"));
const drawn = (text) => (text === "" ? "·" : text.replaceAll("\n", "↵\n"));
