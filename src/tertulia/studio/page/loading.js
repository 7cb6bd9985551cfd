// Scenes and character cards, loaded into the open talk or chosen for a new one.
import { upload } from "./api.js";
import { html, useRef } from "./html.js";
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
  const chosen = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) takeCard(file, took);
  };
  return html`<button type="button" onClick=${() => input.current.click()}>Load a card…</button>
    <input ref=${input} type="file" class="visually-hidden" tabindex="-1" aria-label="A character card"
      accept=".png,.json,.charx,.apng" onChange=${chosen} />`;
}

async function takeCard(file, took) {
  try {
    const found = await upload("/tertulia/cards", file);
    await loadScenes();
    tell(`${file.name} was read.${told(found.report)}`);
    took(found);
  } catch (error) {
    wrong(error);
  }
}

/** What of a card could not be taken, in a sentence. */
function told(report) {
  const lost = report?.lost ?? report?.dropped ?? report?.warnings;
  const names = Array.isArray(lost) ? lost.map((each) => each.path ?? each) : Object.keys(lost ?? {});
  return names.length ? ` Not taken: ${names.slice(0, 8).join(", ")}${names.length > 8 ? " …" : ""}.` : "";
}
