// Who is in the talk: the two sides by name, and the facts about everybody.
import { html, useState } from "./html.js";
import { tell } from "./notices.js";
import { Lines } from "./stage.js";
import * as state from "./state.js";

export function Cast({ scene, change }) {
  const { agent, user } = state.sides.value;
  const others = Object.keys(scene.personas ?? {}).filter((name) => ![scene.agent, scene.user].includes(name));
  const facts = (name, list) => change({ personas: { ...scene.personas, [name]: list } });
  const rename = (side, name) => {
    const { [scene[side]]: mine = [], ...rest } = scene.personas ?? {};
    change({ [side]: name, personas: { ...rest, [name]: mine } });
    const before = { [side]: scene[side], personas: scene.personas };
    const kept = state.path.value.some((turn) => turn.speaker === scene[side]);
    if (kept) tell(`What ${scene[side]} said stays under that name.`, { undo: () => change(before) });
  };
  return html`<section class="block cast" aria-label="Cast">
    <h3>Cast</h3>
    <p class="hint">Facts in the first person, one a line.</p>
    <${Person} kind="personas.agent" role="the agent" name=${scene.agent ?? agent} side="of-agent"
      facts=${scene.personas?.[scene.agent] ?? []} rename=${(name) => rename("agent", name)}
      taken=${scene.user ?? user} change=${(list) => facts(scene.agent ?? agent, list)} />
    <${Person} kind="personas.user" role="you" name=${scene.user ?? user} side="of-user"
      facts=${scene.personas?.[scene.user] ?? []} rename=${(name) => rename("user", name)}
      taken=${scene.agent ?? agent} change=${(list) => facts(scene.user ?? user, list)} />
    ${others.map(
      (name) => html`<${Person} key=${name} kind="personas.others" role="in the talk" name=${name} side="of-other"
        facts=${scene.personas[name]} change=${(list) => facts(name, list)} />`,
    )}
  </section>`;
}

function Person({ kind, role, name, side, facts, rename, taken, change }) {
  const reason = state.refusal(kind);
  return html`<div class="person ${side} ${reason ? "refused" : ""}">
    <div class="row">
      ${rename ? html`<${Name} name=${name} role=${role} taken=${taken} rename=${rename} />` : html`<strong>${name}</strong>`}
      <span class="role">${role}</span>
    </div>
    ${reason && html`<p class="reason">Facts are kept, but not told to the model: ${reason}</p>`}
    <${Lines} one="fact" of=${` of ${name}`} values=${facts} change=${change} />
  </div>`;
}

/** A name is changed when it is whole, for turns and facts hang on it. */
function Name({ name, role, taken, rename }) {
  const [given, setGiven] = useState(null);
  const done = () => {
    const text = (given ?? "").trim();
    setGiven(null);
    if (text && text !== name && text !== taken) rename(text);
  };
  return html`<input class="name" dir="auto" aria-label=${`Name of ${role}`} value=${given ?? name} maxlength="200"
    onInput=${(event) => setGiven(event.target.value)} onBlur=${done}
    onKeyDown=${(event) => event.key === "Enter" && event.target.blur()} />`;
}
