// One turn, its alternatives, and what can be done to it.
import { again, answer, branch, cannotGoOn, editing, goOn, hide, rated, step, why } from "./acts.js";
import { copied } from "./copying.js";
import { draft, keepDraft } from "./drafts.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { icon, iconButton } from "./icons.js";
import { tell } from "./notices.js";
import { prose } from "./prose.js";
import * as state from "./state.js";
import { edit } from "./talks.js";

const STATUS = { stopped: "stopped", interrupted: "broken off before its end" };

export const sideOf = (speaker) =>
  speaker === state.sides.value.agent ? "of-agent" : speaker === state.sides.value.user ? "of-user" : "of-other";

export function Turn({ turn, last }) {
  const chosen = state.selected.value === turn.id;
  return html`<article
    class="turn ${sideOf(turn.speaker)} ${last ? "last" : ""} ${chosen ? "chosen" : ""}"
    data-turn=${turn.id}
    tabindex="-1"
    aria-label=${`${turn.speaker} says`}
  >
    <header>
      <h3 class="speaker" dir="auto">${turn.speaker}</h3>
      ${marks(turn)}
    </header>
    ${turn.image && html`<${Picture} text=${turn.image} />`}
    ${editing.value === turn.id
      ? html`<${Editor} turn=${turn} />`
      : html`<div class="said">${prose(turn.text)}</div>`}
    ${editing.value !== turn.id && html`<${Tools} turn=${turn} />`}
  </article>`;
}

/** A described picture, framed as one. */
export const Picture = ({ text }) =>
  html`<figure class="picture">
    ${icon("picture")}
    <figcaption dir="auto"><span class="visually-hidden">Picture: </span>${text}</figcaption>
  </figure>`;

function marks(turn) {
  const told = [STATUS[turn.status], turn.edited_from !== null && turn.edited_from !== undefined && "edited", turn.note]
    .filter(Boolean);
  return told.length ? html`<span class="marks">${told.join(" · ")}</span>` : null;
}

function Tools({ turn }) {
  const ofAgent = turn.speaker !== state.sides.value.user;
  const reason = cannotGoOn();
  const going = reason ? [`Continue: ${reason}`, { "aria-disabled": "true" }] : ["Continue this turn (G)", {}];
  const press = (rating) => ({ "aria-pressed": turn.rating === rating });
  return html`<div class="tools" role="group" aria-label=${`What can be done to this turn of ${turn.speaker}`}>
    <${Alternatives} turn=${turn} />
    ${iconButton("again", "Again: another wording beside this one (R)", () => again(turn))}
    ${iconButton("goOn", going[0], () => goOn(turn), going[1])}
    ${iconButton("edit", "Edit (E)", () => (editing.value = turn.id))}
    ${iconButton("copy", "Copy its text (Y)", () => copied(turn.text, "The turn"))}
    ${iconButton("branch", "Branch: go on from here (B)", () => branch(turn))}
    ${iconButton("good", "Good (+)", () => rated(turn, 1), press(1))}
    ${iconButton("bad", "Bad (−)", () => rated(turn, -1), press(-1))}
    ${ofAgent && iconButton("why", "Why this: open the mind (W)", () => why(turn))}
    ${iconButton("remove", "Delete, with an undo (D)", () => hide(turn))}
  </div>`;
}

function Alternatives({ turn }) {
  const all = state.siblings(turn.id);
  if (all.length < 2) return null;
  return html`<span class="alternatives">
    ${iconButton("previous", "Previous alternative ([)", () => step(turn, -1))}
    <span aria-label=${`alternative ${all.indexOf(turn.id) + 1} of ${all.length}`} role="img">
      ${all.indexOf(turn.id) + 1}/${all.length}
    </span>
    ${iconButton("next", "Next alternative (])", () => step(turn, 1))}
  </span>`;
}

function Editor({ turn }) {
  const name = `edit.${state.talk.value.id}.${turn.id}`;
  const [given, setGiven] = useState(() => draft(name) ?? { text: turn.text, image: turn.image ?? "" });
  const area = useRef(null);
  useEffect(() => {
    area.current.focus();
    area.current.setSelectionRange(area.current.value.length, area.current.value.length);
  }, []);
  const typed = (change) => {
    const now = { ...given, ...change };
    setGiven(now);
    keepDraft(name, now);
  };
  const close = () => {
    keepDraft(name, null);
    editing.value = null;
  };
  const cancel = () => {
    close();
    if (given.text === turn.text && given.image === (turn.image ?? "")) return;
    const undo = () => {
      keepDraft(name, given);
      editing.value = turn.id;
    };
    tell("Your wording was dropped.", { undo });
  };
  const save = async (thenAnswer) => {
    const made = await edit(turn.id, given);
    if (!made) return;
    close();
    if (thenAnswer) answer({ parent: made.id, speaker: state.otherSide(turn.speaker) });
    requestAnimationFrame(() => document.querySelector(`[data-turn="${made.id}"]`)?.focus());
  };
  const keys = (event) => {
    if (event.key === "Escape") cancel();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(false);
  };
  return html`<form class="editor" onKeyDown=${keys} onSubmit=${(event) => { event.preventDefault(); save(false); }}>
    <textarea ref=${area} rows="3" dir="auto" aria-label="The turn's text" value=${given.text}
      onInput=${(event) => typed({ text: event.target.value })}></textarea>
    ${(turn.image || given.image) &&
    html`<input dir="auto" aria-label="What its picture shows" value=${given.image}
      onInput=${(event) => typed({ image: event.target.value })} />`}
    <div class="row">
      <button class="main">Save beside</button>
      <button type="button" onClick=${() => save(true)}>
        Save, and let ${state.otherSide(turn.speaker)} answer
      </button>
      <button type="button" class="quiet" onClick=${cancel}>Cancel</button>
    </div>
  </form>`;
}
