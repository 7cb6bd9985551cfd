// Scenes and character cards, loaded into the open talk or chosen for a new one.
import { upload } from "./api.js";
import { Dialog } from "./dialog.js";
import { html, useRef, useState } from "./html.js";
import { tell, wrong } from "./notices.js";
import * as state from "./state.js";
import { loadScenes } from "./talks.js";

/** A select of scenes, and a button for a card; load(scene) takes what was chosen. */
export function Loading({ load }) {
  const choose = (event) => {
    const found = state.scenes.value.find((each) => each.id === event.target.value);
    event.target.value = "";
    if (found) load(found.scene);
  };
  return html`<section class="block loading-row" aria-label="Load">
    <select aria-label="Load a scene" value="" onChange=${choose}>
      <option value="">Load a scene…</option>
      ${state.scenes.value.map((each) => html`<option value=${each.id}>${each.title || each.id}</option>`)}
    </select>
    <${CardButton} took=${(found) => load(found.scene)} />
  </section>`;
}

/** A button that takes a character card from a file; took({scene_id, scene, report}). */
export function CardButton({ took }) {
  const input = useRef(null);
  const [read, setRead] = useState(null);
  const chosen = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    const found = file && (await cast(file));
    if (found) setRead({ file, found });
  };
  const taken = (found) => {
    setRead(null);
    tell(`${found.report?.name || read.file.name} is on the stage.`);
    took(found);
  };
  return html`<button type="button" onClick=${() => input.current.click()}>Load a card…</button>
    <input ref=${input} type="file" class="visually-hidden" tabindex="-1" aria-label="A character card"
      accept=".png,.json,.charx,.apng" onChange=${chosen} />
    ${read && html`<${Card} ...${read} taken=${taken} close=${() => setRead(null)} />`}`;
}

/** What the server makes of a card; given: {user, greeting}. Null where it cannot be read. */
async function cast(file, given = {}) {
  try {
    const asked = new URLSearchParams({ user: state.talk.value?.scene?.user ?? "You", ...given });
    const found = await upload(`/tertulia/cards?${asked}`, file);
    await loadScenes();
    return found;
  } catch (error) {
    wrong(error);
    return null;
  }
}

/** Where each part of a card goes, and which of its openings is taken. */
function Card({ file, found, taken, close }) {
  const { name, greetings = [], parts = [], notes = [] } = found.report ?? {};
  const [greeting, setGreeting] = useState(0);
  const take = async () => {
    const chosen = greeting ? await cast(file, { greeting }) : found;
    if (chosen) taken(chosen);
  };
  const gone = parts.filter((each) => !each.to);
  return html`<${Dialog} label=${name || file.name} close=${close}>
    <div class="card">
      ${notes.length > 0 && html`<ul class="notes">${notes.map((each) => html`<li>${each}</li>`)}</ul>`}
      ${greetings.length > 1 &&
      html`<fieldset><legend>How it begins</legend>
        ${greetings.map(
          (text, place) => html`<label><input type="radio" name="greeting" checked=${place === greeting}
            onChange=${() => setGreeting(place)} /> <span>${text}</span></label>`,
        )}
      </fieldset>`}
      <table>
        <caption>Where it goes</caption>
        <thead><tr><th scope="col">Part</th><th scope="col">Place on the stage</th></tr></thead>
        <tbody>
          ${parts.filter((each) => each.to).map(
            ({ part, to, note }) => html`<tr><th scope="row">${part}</th><td>${to}${note && `: ${note}`}</td></tr>`,
          )}
        </tbody>
      </table>
      ${gone.length > 0 && html`<p class="hint">Stays in the card: ${gone.map((each) => each.part).join(", ")}.</p>`}
      <div class="row"><button class="main" onClick=${take}>Put it on the stage</button>
        <button class="quiet" onClick=${close}>Cancel</button></div>
    </div>
  </${Dialog}>`;
}
