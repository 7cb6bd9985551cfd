// After the last turn: replies that are being made, and replies among which one is to be chosen.
import { dismiss, retry, stop } from "./generations.js";
import { html, useEffect, useState } from "./html.js";
import { prose } from "./prose.js";
import * as state from "./state.js";
import { activate, wholeTurn } from "./talks.js";
import { Picture, sideOf } from "./turn.js";

const WORDS = { waiting: "waits for its turn", running: "is speaking", failed: "failed" };
/** So many characters of what is thought aloud are shown. */
const LAST_THOUGHT = 300;

/** after: the id of the turn they follow, or null. */
export function Replies({ after }) {
  const made = [...state.generations.value.values()].filter(
    (each) =>
      !each.dry && each.talk === state.talk.value.id && (each.parent ?? null) === after &&
      !each.turn && each.state !== "done" && each.state !== "stopped",
  );
  const remaking = state.end.value?.id !== after && state.end.value !== null;
  const choices = remaking ? [] : (state.children.value.get(after) ?? []).map((id) => state.turns.value.get(id));
  if (!made.length && !choices.length) return null;
  return html`<section class="replies" aria-label="Replies">
    ${choices.length > 0 && html`<h3 class="choose">${choices.length > 1 ? "Choose how it goes on" : "How it went on before"}</h3>`}
    <div class="side-by-side">
      ${choices.map((turn) => html`<${Choice} key=${`turn ${turn.id}`} turn=${turn} />`)}
      ${made.map((each) => html`<${Making} key=${each.id} made=${each} />`)}
    </div>
  </section>`;
}

function Choice({ turn }) {
  const choose = () => activate(state.leafOf(turn.id));
  const [by, setBy] = useState(turn.agent_name ?? "");
  useEffect(() => {
    if (!by) wholeTurn(turn.id).then((whole) => setBy(whole.reply?.agent ?? ""), () => {});
  }, []);
  return html`<article class="turn choice ${sideOf(turn.speaker)}">
    <header>
      <h4 class="speaker" dir="auto">${turn.speaker}</h4>
      ${by && html`<span class="marks">${by}</span>`}
    </header>
    ${turn.image && html`<${Picture} text=${turn.image} />`}
    <div class="said">${prose(turn.text)}</div>
    <div class="row"><button onClick=${choose}>Take this one</button></div>
  </article>`;
}

function Making({ made }) {
  const speaker = made.speaker ?? state.sides.value.agent;
  const before = made.continued ? state.turns.value.get(made.continued)?.text : "";
  const text = (before ?? "") + (made.texts.find(Boolean) ?? made.text ?? "");
  const failed = made.state === "failed";
  return html`<article class="turn making ${sideOf(speaker)}" tabindex="-1" aria-busy=${!failed} data-generation=${made.id}>
    <header>
      <h4 class="speaker" dir="auto">${speaker}</h4>
      <span class="marks">${made.agent_name} ${doing(made)}</span>
    </header>
    ${made.plan && planned(made.plan)}
    ${!text && !failed && made.thoughts && html`<p class="planned" dir="auto">${made.thoughts.slice(-LAST_THOUGHT)}</p>`}
    <div class="said" aria-hidden=${!failed}>
      ${failed ? html`<p class="error">${made.error?.message}</p>` : text ? prose(text) : dots}
    </div>
    <div class="row">
      ${failed
        ? html`<button onClick=${() => retry(made)}>Try again</button>
            <button class="quiet" onClick=${() => dismiss(made.id)}>Dismiss</button>`
        : html`<button class="stop" onClick=${() => stop(made.id)}>Stop</button>`}
    </div>
  </article>`;
}

/** What an agent is doing; a model that was not used before is opened first. */
function doing({ agent_name: name, state: now, prompt, texts }) {
  if (now === "running" && texts.length > 1) return `is speaking, in ${texts.length} candidates`;
  const opens = now === "waiting" && !prompt && state.agentOf(name)?.loaded === false;
  return opens ? "opens its model; the first time takes longer" : (WORDS[now] ?? now);
}

const dots = html`<p class="dots"><span>·</span><span>·</span><span>·</span></p>`;

function planned({ goal, skill, explanation }) {
  const told = [goal, skill, explanation].filter(Boolean);
  return told.length ? html`<p class="planned" dir="auto">${told.join(" — ")}</p>` : null;
}
