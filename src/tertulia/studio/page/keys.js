// The keys of the page, and the list of them.
import * as acts from "./acts.js";
import { copied } from "./copying.js";
import { Dialog } from "./dialog.js";
import { html, signal, useEffect } from "./html.js";
import { keep, kept } from "./kept.js";
import { playStep, playing } from "./selfplay.js";
import * as state from "./state.js";
import { nextTheme } from "./theme.js";
import { newTalk } from "./top.js";

export const helping = signal(false);
const KEY = "tertulia.keys";
const letters = signal(kept(KEY) !== "off");

const focused = () => {
  const id = Number(document.activeElement?.closest?.("[data-turn]")?.dataset.turn);
  return state.turns.value.get(id) ?? state.end.value;
};
const onTurn = (act) => () => {
  const turn = focused();
  if (turn) act(turn);
};
function walk(steps) {
  const shown = [...document.querySelectorAll("[data-turn]")];
  const at = shown.indexOf(document.activeElement?.closest?.("[data-turn]"));
  const next = shown[at < 0 ? shown.length - 1 : Math.max(0, Math.min(shown.length - 1, at + steps))];
  next?.focus();
}

function toMind() {
  state.pane.value = "mind";
  requestAnimationFrame(() => document.querySelector("#mind [role=tab][tabindex='0']")?.focus());
}

/** [key, what it does, the doing, whether it is about a turn]. */
const TALK = [
  ["n", "a new talk on this stage", () => newTalk()],
  ["c", "write what is said next", () => document.getElementById("say")?.focus()],
  ["j", "next turn", () => walk(1)],
  ["k", "previous turn", () => walk(-1)],
  ["r", "again: another wording beside the turn", onTurn(acts.again), true],
  ["[", "previous alternative", onTurn((turn) => acts.step(turn, -1)), true],
  ["]", "next alternative", onTurn((turn) => acts.step(turn, 1)), true],
  ["g", "continue the turn", onTurn(acts.goOn), true],
  ["e", "edit the turn", onTurn((turn) => (acts.editing.value = turn.id)), true],
  ["y", "copy the turn's text", onTurn((turn) => copied(turn.text, "The turn")), true],
  ["b", "branch: go on from the turn", onTurn(acts.branch), true],
  ["+", "the turn is good", onTurn((turn) => acts.rated(turn, 1)), true],
  ["-", "the turn is bad", onTurn((turn) => acts.rated(turn, -1)), true],
  ["w", "why: the mind tells about the turn", onTurn(acts.why), true],
  ["d", "delete the turn, with an undo", onTurn(acts.hide), true],
  ["s", "self-play: one step", () => ((playing.value = true), state.running.value.length || playStep())],
  ["1", "the stage", () => (state.pane.value = "stage")],
  ["2", "the talk", () => (state.pane.value = "talk")],
  ["3", "the mind", toMind],
];
const ANYWHERE = [
  ["/", "search past talks", () => (state.opened.value = "search")],
  ["p", "past talks", () => (state.opened.value = "past")],
  ["t", "light, dark, or the system's colours", nextTheme],
  ["?", "this list", () => (helping.value = true)],
];

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && acts.editing.value === null) {
    if (state.running.value.length) acts.stopAll();
    else if (typing(event.target)) event.target.blur();
    return;
  }
  if (typing(event.target) || !letters.value) return;
  const found = [...(state.talk.value ? TALK : []), ...ANYWHERE].find(([key]) => key === event.key.toLowerCase());
  // Beside the talk, in a tree or a chart, nobody thinks of its last turn.
  if (!found || (found[3] && event.target.closest?.(".pane:not(.talk)"))) return;
  event.preventDefault();
  found[2]();
}

export function useShortcuts() {
  useEffect(() => {
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

export function Help() {
  if (!helping.value) return null;
  const turnOn = (event) => {
    letters.value = event.target.checked;
    keep(KEY, letters.value ? "on" : "off");
  };
  const rows = (keys) => keys.map(([key, told]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${told}</dd></div>`);
  return html`<${Dialog} label="Keys" close=${() => (helping.value = false)}>
    <p class="hint">A key about a turn means the one in focus, or the last. Escape leaves a field, and stops replies under way.</p>
    <dl class="keys">${rows(TALK)}${rows(ANYWHERE)}</dl>
    <label class="check"><input type="checkbox" checked=${letters.value} onChange=${turnOn} /> single keys do this</label>
  </${Dialog}>`;
}
