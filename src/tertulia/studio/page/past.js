// Past talks, newest first.
import { html, useEffect } from "./html.js";
import { iconButton } from "./icons.js";
import { talk, talks } from "./state.js";
import { listTalks, removeTalk } from "./talks.js";

export function Past({ onClose = () => {} }) {
  useEffect(() => {
    listTalks();
  }, []);
  if (!talks.value.length) return html`<p class="hint">No talk was kept yet.</p>`;
  return html`<ul class="past">
    ${talks.value.map(
      (each) => html`<li key=${each.id} class=${each.id === talk.value?.id ? "open" : ""}>
        <a href=${`#/talks/${encodeURIComponent(each.id)}`} onClick=${onClose}>
          <strong>${each.title || `${each.agent} and ${each.user}`}</strong>
          <span class="line">${excerpt(each)}</span>
          <span class="when">${each.turns} turns · ${each.agent_name} · ${when(each.changed)}</span>
        </a>
        ${iconButton("remove", `Delete the talk ${each.title || each.id}, with an undo`, () => removeTalk(each.id))}
      </li>`,
    )}
  </ul>`;
}

const excerpt = ({ last, situation }) => (typeof last === "string" && last) || last?.text || situation || "";

function when(changed) {
  const date = new Date(typeof changed === "number" ? changed * 1000 : changed);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
