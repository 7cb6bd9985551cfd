// Scenes and character cards, loaded into the open talk or chosen for a new one.
import { send, upload } from "./api.js";
import { Dialog } from "./dialog.js";
import { html, signal, useEffect, useRef, useState } from "./html.js";
import { tell, wrong } from "./notices.js";
import { SaveButton } from "./saving.js";
import * as state from "./state.js";
import { loadScenes, startTalk } from "./talks.js";

/** A select of scenes, and buttons for files; load(scene, name) takes what was chosen. */
export function Loading({ load, scene }) {
  const choose = (event) => {
    const found = state.scenes.value.find((each) => each.id === event.target.value);
    event.target.value = "";
    if (found) load(found.scene, found.title || found.id);
  };
  return html`<section class="block loading-row" aria-label="Load">
    <select aria-label="Load a scene" value="" onChange=${choose}>
      <option value="">Load a scene…</option>
      ${state.scenes.value.map((each) => html`<option value=${each.id}>${each.title || each.id}</option>`)}
    </select>
    <${CardButton} took=${(found) => load(found.scene, found.name)} />
    <${SaveButton} scene=${scene} />
  </section>`;
}

const LOADED = /\.(png|apng|json|charx)$/i;
/** A file that was dropped on the page, and is not loaded yet. */
const dropped = signal(null);

/** Files that are dropped on the page are loaded; a browser would go away to them. */
export function loadDropped() {
  addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    if (LOADED.test(file.name)) dropped.value = file;
    else tell("Cards and scenes can be dropped here, one at a time. Talks come in by “Import talks”.");
  });
}

/** A button that takes a card or a scene from a file; took({scene_id, scene, name}). */
export function CardButton({ took }) {
  const input = useRef(null);
  const [read, setRead] = useState(null);
  const chosen = (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) load(file);
  };
  const load = async (file) => {
    const scene = await sceneIn(file);
    if (scene) return posted(scene, file.name.replace(/\.\w+$/, "")).then((found) => found && took(found));
    const found = await cast(file);
    if (found) setRead({ file, found });
  };
  useEffect(() => {
    const file = dropped.value;
    dropped.value = null;
    if (file) load(file);
  }, [dropped.value]);
  const taken = (found) => {
    setRead(null);
    took({ ...found, name: found.report?.name || read.file.name });
  };
  return html`<button type="button" title="A character card, or a scene, from a file" onClick=${() => input.current.click()}>Load a card…</button>
    <input ref=${input} type="file" class="visually-hidden" tabindex="-1" aria-label="A character card, or a scene"
      accept=".png,.json,.charx,.apng" onChange=${chosen} />
    ${read && html`<${Card} ...${read} taken=${taken} close=${() => setRead(null)} />`}`;
}

const LARGEST_SCENE = 20_000_000;
/** Keys that a scene has, and keys that a card has. */
const OF_SCENES = ["agent", "situation", "instruction", "personas", "turns"];
const OF_CARDS = ["spec", "data", "name", "char_name", "first_mes"];

/** The scene that a file holds, or null. */
async function sceneIn(file) {
  if (!/\.json$/i.test(file.name) || file.size > LARGEST_SCENE) return null;
  const found = await file.text().then(JSON.parse).catch(() => null);
  const has = (keys) => keys.some((key) => Object.hasOwn(found, key));
  return found && typeof found === "object" && has(OF_SCENES) && !has(OF_CARDS) ? found : null;
}

/** A scene as the server keeps it now: {scene_id, scene, name}; or null. */
async function posted(scene, name) {
  try {
    const found = await send("POST", "/tertulia/scenes", { scene, title: name });
    await loadScenes();
    return { scene_id: found.id, scene: found.scene, name };
  } catch (error) {
    wrong(error);
    return null;
  }
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
  const begin = async () => {
    const chosen = greeting ? await cast(file, { greeting }) : found;
    if (!chosen) return;
    close();
    startTalk({ scene_id: chosen.scene_id, agent: state.talk.value.agent_name });
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
        ${state.end.value && state.talk.value && html`<button onClick=${begin}>Begin a new talk with it</button>`}
        <button class="quiet" onClick=${close}>Cancel</button></div>
    </div>
  </${Dialog}>`;
}
