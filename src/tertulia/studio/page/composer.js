// Where the person speaks: as either side, with a described picture, answered by one agent or several.
import { answer, stopAll } from "./acts.js";
import { Context } from "./context.js";
import { draft, keepDraft } from "./drafts.js";
import { Goals } from "./goals.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { icon, iconButton } from "./icons.js";
import { tell } from "./notices.js";
import { SelfPlay, playing } from "./selfplay.js";
import * as state from "./state.js";
import { say } from "./talks.js";

// Browsers hold six connections to a server; each reply under way takes one.
const MOST = 4;
const EMPTY = { text: "", image: "", speaker: "" };

export function Composer() {
  const name = state.talk.value.id;
  const [given, setGiven] = useState(() => ({ ...EMPTY, ...draft(name) }));
  const [pictured, setPictured] = useState(Boolean(given.image));
  const [sending, setSending] = useState(false);
  const area = useRef(null);
  const { agent, user } = state.sides.value;
  const speaker = given.speaker === agent ? agent : user;
  const other = state.otherSide(speaker);
  const empty = !given.text.trim() && !given.image.trim();
  const busy = state.running.value.length > 0;
  useEffect(() => {
    if (matchMedia("(min-width: 700px)").matches) area.current.focus();
  }, []);

  const typed = (change) => {
    const now = { ...given, ...change };
    setGiven(now);
    keepDraft(name, now.text || now.image || now.speaker ? now : null);
  };
  const submit = async (thenAnswer) => {
    if (sending) return;
    if (busy) return tell("A reply is under way: let it end, or stop it. What you wrote stays here.");
    if (empty) return thenAnswer && answer({ speaker: state.end.value ? state.otherSide(state.end.value.speaker) : agent });
    setSending(true);
    const turn = await say({ speaker, text: given.text.trim(), image: given.image.trim() });
    setSending(false);
    if (!turn) return;
    typed({ text: "", image: "" });
    setPictured(false);
    area.current?.focus();
    if (thenAnswer) answer({ speaker: other });
  };
  const keys = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit(!event.altKey);
  };
  return html`<div class="composer">
    <${Goals} />
    ${playing.value && html`<${SelfPlay} />`}
    <form onSubmit=${(event) => { event.preventDefault(); submit(true); }}>
      <div class="row above">
        <${Sides} speaker=${speaker} choose=${(side) => typed({ speaker: side })} />
        <${Answering} />
        <span class="space"></span>
        ${iconButton("picture", "Share a picture, in words", () => setPictured(!pictured), { "aria-pressed": pictured })}
        ${iconButton("play", "Self-play between the two sides", () => (playing.value = !playing.value), { "aria-pressed": playing.value })}
      </div>
      ${pictured && html`<${PictureField} value=${given.image} typed=${typed} />`}
      <div class="row">
        <textarea id="say" dir="auto" ref=${area} rows="1" value=${given.text} onKeyDown=${keys}
          aria-label=${`What ${speaker} says`} placeholder=${`${speaker} says…`}
          onInput=${(event) => typed({ text: event.target.value })}></textarea>
        ${busy
          ? html`<button type="button" class="round stop" aria-label="Stop the replies under way (Escape)" title="Stop (Escape)" onClick=${stopAll}>${icon("stop")}</button>`
          : html`<button class="round main" aria-label=${empty ? `Let ${state.end.value ? state.otherSide(state.end.value.speaker) : agent} speak` : `Say it, and let ${other} answer (Enter)`}
              title=${empty ? "Let the next side speak" : "Say it (Enter)"}>${icon(empty ? "speak" : "send")}</button>`}
      </div>
      <p class="foot hint"><${Context} /><span class="keys-hint"><kbd>Enter</kbd> says it · <kbd>Alt</kbd>+<kbd>Enter</kbd> without an answer · <kbd>Shift</kbd>+<kbd>Enter</kbd> a new line · <kbd>?</kbd> all keys</span></p>
    </form>
  </div>`;
}

const PictureField = ({ value, typed }) => {
  const reason = state.refusal("image");
  return html`<label class="picture-field ${reason ? "refused" : ""}">
    ${icon("picture")}<span class="visually-hidden">What the picture shows</span>
    <input dir="auto" value=${value} placeholder="What the picture shows" onInput=${(event) => typed({ image: event.target.value })} />
    ${reason && html`<span class="reason">${reason}</span>`}
  </label>`;
};

function Sides({ speaker, choose }) {
  const { agent, user } = state.sides.value;
  return html`<div class="segments" role="group" aria-label="Speak as">
    ${[user, agent].map(
      (side) => html`<button type="button" class=${side === agent ? "of-agent" : "of-user"}
        aria-pressed=${side === speaker} aria-label=${`Speak as ${side}`} onClick=${() => choose(side)}>${side}</button>`,
    )}
  </div>`;
}

/** Which agents answer the next turn. */
function Answering() {
  const chosen = state.answering.value.length ? state.answering.value : [state.talk.value.agent_name];
  const toggle = (name) => {
    const now = chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name];
    state.answering.value = now.length === 1 && now[0] === state.talk.value.agent_name ? [] : now;
  };
  return html`<details class="answering">
    <summary><span class="wide">Answered </span>by ${chosen.length > 1 ? `${chosen.length} agents` : chosen[0]}</summary>
    <fieldset class="menu">
      <legend>Agents that answer, side by side; up to ${MOST}</legend>
      ${state.agents.value.map(
        ({ name }) => html`<label><input type="checkbox" checked=${chosen.includes(name)}
          disabled=${chosen.length >= MOST && !chosen.includes(name)} onChange=${() => toggle(name)} /> ${name}</label>`,
      )}
    </fieldset>
  </details>`;
}
