// Without a talk: scenes to begin one, cards, and past talks.
import { html, useState } from "./html.js";
import { iconButton } from "./icons.js";
import { CardButton } from "./loading.js";
import { Past } from "./past.js";
import { Importing } from "./sharing.js";
import * as state from "./state.js";
import { removeScene, startTalk } from "./talks.js";

const BLANK = { agent: "Agent", user: "You" };

export function Welcome() {
  const [agent, setAgent] = useState(state.agents.value[0]?.name ?? "");
  return html`<main class="welcome">
    <div class="hero">
      <h1>Conversations you can direct</h1>
      <p>Say who talks, where, what they know and what the next reply is to do; and see what each direction does to what is said.</p>
      <div class="row">
        <label>Played by <select value=${agent} onChange=${(event) => setAgent(event.target.value)}>
          ${state.agents.value.map(({ name }) => html`<option>${name}</option>`)}
        </select></label>
        <button class="main" onClick=${() => startTalk({ scene: BLANK, agent })}>A blank stage</button>
        <${CardButton} took=${(found) => startTalk({ scene_id: found.scene_id, agent })} />
        <${Importing} />
      </div>
    </div>
    <section aria-label="Scenes">
      <h2>Scenes</h2>
      <div class="scenes">
        ${state.scenes.value.map((each) => html`<${SceneCard} key=${each.id} found=${each} agent=${agent} />`)}
      </div>
    </section>
    <section aria-label="Past talks">
      <h2>Past talks</h2>
      <${Past} />
    </section>
  </main>`;
}

/** The first thing that a scene says of itself. */
function about({ situation, instruction, personas = {}, knowledge = [], turns = [] }) {
  const facts = Object.entries(personas).flatMap(([name, list]) => list.map((fact) => `${name}: ${fact}`));
  const told = situation || instruction || facts.slice(0, 3).join(" ") || knowledge[0] || turns[0]?.text;
  return told || "Nothing is set: the stage is yours.";
}

function SceneCard({ found, agent }) {
  const { id, title, scene, posted } = found;
  return html`<div class="scene-card">
    <button class="scene" onClick=${() => startTalk({ scene_id: id, agent })}>
      <strong dir="auto">${title || id}</strong>
      <span class="who"><bdi class="of-agent">${scene.agent}</bdi> and <bdi class="of-user">${scene.user}</bdi></span>
      <span class="line" dir="auto">${about(scene)}</span>
    </button>
    ${posted && iconButton("remove", `Delete the scene ${title || id}, with an undo`, () => removeScene(found))}
  </div>`;
}
