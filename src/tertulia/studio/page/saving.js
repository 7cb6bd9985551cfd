// The stage, kept: as a scene to begin talks with, or as a file.
import { save, send } from "./api.js";
import { Dialog } from "./dialog.js";
import { html, useState } from "./html.js";
import { tell, wrong } from "./notices.js";
import * as state from "./state.js";
import { loadScenes } from "./talks.js";

/** A button that asks under which name; scene: the stage as it is now. */
export function SaveButton({ scene }) {
  const [asking, setAsking] = useState(false);
  const close = () => setAsking(false);
  return html`<button type="button" onClick=${() => setAsking(true)}>Save…</button>
    ${asking && html`<${Saving} scene=${scene} close=${close} />`}`;
}

function Saving({ scene, close }) {
  const [title, setTitle] = useState(state.talk.value.title || scene.agent);
  const { turns: _turns, ...header } = scene;
  const post = async (event) => {
    event.preventDefault();
    try {
      await send("POST", "/tertulia/scenes", { scene: header, title: title.trim() });
      await loadScenes();
      close();
      tell("The scene was saved: talks can begin with it.");
    } catch (error) {
      wrong(error);
    }
  };
  const toFile = () => {
    const name = title.trim().replace(/[^\p{L}\p{N}]+/gu, "-") || "scene";
    save(new Blob([JSON.stringify(header, null, 2)], { type: "application/json" }), `${name}.json`);
    close();
  };
  return html`<${Dialog} label="Save this stage" close=${close}>
    <form class="saving" onSubmit=${post}>
      <p class="hint">The direction is saved: the sides, the situation, the facts, the lore. What was said is shared under “Share”.</p>
      <label>Name <input autofocus dir="auto" value=${title} maxlength="200" onInput=${(event) => setTitle(event.target.value)} /></label>
      <div class="row">
        <button class="main">Save as a scene</button>
        <button type="button" onClick=${toFile}>Save as a file</button>
        <button type="button" class="quiet" onClick=${close}>Cancel</button>
      </div>
    </form>
  </${Dialog}>`;
}
