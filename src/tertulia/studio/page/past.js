// Past talks, newest first.
import { html, useEffect } from "./html.js";
import { iconButton } from "./icons.js";
import { opened, talk, talks } from "./state.js";
import { LISTED, listTalks, removeTalk } from "./talks.js";

export function Past({ onClose = () => {} }) {
  useEffect(() => {
    listTalks();
  }, []);
  const all = () => {
    onClose();
    opened.value = "search";
  };
  if (!talks.value.length) return html`<p class="hint">No talk was kept yet.</p>`;
  return html`<ul class="past">
    ${talks.value.map(
      (each) => html`<li key=${each.id} class=${each.id === talk.value?.id ? "open" : ""}>
        <a href=${`#/talks/${encodeURIComponent(each.id)}`} onClick=${onClose}>
          <strong dir="auto">${each.title || `${each.agent} and ${each.user}`}</strong>
          <span class="line" dir="auto">${excerpt(each)}</span>
          <span class="when">${each.turns === 1 ? "1 turn" : `${each.turns} turns`} · ${each.agent_name} · ${when(each.changed)}</span>
        </a>
        ${iconButton("remove", `Delete the talk ${each.title || each.id}, with an undo`, () => removeTalk(each.id))}
      </li>`,
    )}
  </ul>
  ${talks.value.length >= LISTED && html`<button type="button" class="quiet" onClick=${all}>Search all past talks</button>`}`;
}

const excerpt = ({ last, situation }) => (typeof last === "string" && last) || last?.text || situation || "";

function when(changed) {
  const date = new Date(typeof changed === "number" ? changed * 1000 : changed);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
