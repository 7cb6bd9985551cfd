// The candidates of a reply: their scores as a chart, the choice among them, and their tokens.
import { h, html, useState } from "./html.js";
import { selected } from "./state.js";
import { takeCandidate } from "./talks.js";
import { Tokens } from "./tokens.js";

const WIDTH = 100;
const LEAST = 6;
/** Candidates that are shown before one asks for all. */
const FEW = 5;
const SUM = "all together";

export function Candidates({ about }) {
  const { candidates, texts } = about;
  if (!candidates.length) return texts.length ? html`<${Growing} texts=${texts} />` : null;
  const isSaid = (each) => each?.text === about.turn?.text;
  const said = isSaid(candidates[about.chosen]) ? about.chosen : candidates.findIndex(isSaid);
  return html`<section class="candidates" aria-labelledby="candidates">
    <h3 id="candidates">${candidates.length === 1 ? "One candidate" : `${candidates.length} candidates`}</h3>
    ${candidates.length > 1 && html`<${Choice} about=${about} said=${said} />`}
    <${Table} candidates=${candidates} />
    <${Tokens} key=${said} candidate=${candidates[Math.max(0, said)]} />
  </section>`;
}

/** Candidates as they are made, before anything is known of their scores. */
function Growing({ texts }) {
  return html`<section class="candidates" aria-labelledby="candidates">
    <h3 id="candidates">${texts.length === 1 ? "One candidate" : `${texts.length} candidates`}</h3>
    <ol class="growing">${texts.slice(0, FEW).map((text) => html`<li><span class="words" dir="auto">${text ?? ""}</span></li>`)}</ol>
    ${texts.length > FEW && html`<p class="hint">and ${texts.length - FEW} more</p>`}
  </section>`;
}

/** What a chart can show: the score that decides, then each ranker's part where there are several. */
function columns(candidates) {
  const rankers = Object.keys(candidates[0].scores ?? {});
  const found = rankers.map((name) => [name, (each) => each.scores?.[name] ?? null]);
  if (rankers.length !== 1) found.unshift([SUM, (each) => each.score ?? null]);
  if (candidates.some((each) => typeof each.mean_logprob === "number"))
    found.push(["mean log-probability", (each) => each.mean_logprob ?? null]);
  return found.filter(([, of]) => candidates.some((each) => of(each) !== null));
}

function Choice({ about, said }) {
  const { candidates } = about;
  const [taking, setTaking] = useState(-1);
  const [all, setAll] = useState(false);
  const charts = columns(candidates);
  const [name, setName] = useState(charts[0]?.[0] ?? "");
  const of = (charts.find((each) => each[0] === name) ?? charts[0])?.[1] ?? (() => null);
  const values = candidates.map(of);
  const isFolded = (n) => !all && candidates.length > FEW + 1 && n >= FEW && n !== said;
  const choose = async (n) => {
    setTaking(n);
    if (await takeCandidate(about.turn.id, n)) selected.value = null;
    setTaking(-1);
  };
  return html`
    ${charts.length > 1 &&
    html`<label class="charted">Score shown
      <select value=${name} onChange=${(event) => setName(event.target.value)}>
        ${charts.map(([each]) => html`<option value=${each}>${each}</option>`)}
      </select>
    </label>`}
    <p class="hint">A longer bar is a better score. Choose another candidate to say it instead; what was said stays as a branch.</p>
    <ol class="choice">
      ${candidates.map(
        (each, n) => html`<li key=${n} hidden=${isFolded(n)}>
          <button
            class="candidate"
            aria-pressed=${n === said}
            disabled=${about.live || taking >= 0}
            onClick=${() => n !== said && choose(n)}
          >
            <span class="words" dir="auto">${each.text || "(nothing)"}</span>
            ${n === said && html`<span class="badge">said</span>`}
            <span class="scored"><${Bar} value=${values[n]} values=${values} /> <span class="figure">${figure(values[n])}</span></span>
          </button>
        </li>`,
      )}
    </ol>
    ${!all && candidates.length > FEW + 1 && html`<button class="quiet" onClick=${() => setAll(true)}>All ${candidates.length} candidates</button>`}`;
}

/** One score among its fellows; the number beside it and the table tell the same in words. */
function Bar({ value, values }) {
  const known = values.filter((each) => each !== null);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  const part = value === null ? 0 : span ? (value - low) / span : 1;
  const width = value === null ? 0 : LEAST + part * (WIDTH - LEAST);
  return h(
    "svg",
    { class: "bar", viewBox: `0 0 ${WIDTH} 6`, preserveAspectRatio: "none", "aria-hidden": "true" },
    h("rect", { class: "ground", x: 0, y: 0, width: WIDTH, height: 6 }),
    h("rect", { class: "amount", x: 0, y: 0, width, height: 6 }),
  );
}

const figure = (value) => (typeof value === "number" ? value.toFixed(3) : "dropped");

/** Every score of every candidate. */
function Table({ candidates }) {
  const charts = columns(candidates);
  if (!charts.length) return null;
  return html`<details class="scores">
    <summary>Scores as a table</summary>
    <div class="wide" tabindex="0" role="region" aria-label="Scores">
      <table>
        <thead>
          <tr><th scope="col">candidate</th>${charts.map(([name]) => html`<th scope="col">${name}</th>`)}<th scope="col">text</th></tr>
        </thead>
        <tbody>
          ${candidates.map(
            (each, n) => html`<tr>
              <th scope="row">${n + 1}</th>
              ${charts.map(([, of]) => html`<td class="figure">${figure(of(each))}</td>`)}
              <td class="words" dir="auto">${each.text}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}
