// The lorebook of the talk: passages that join the knowledge when one of their keys is said.
import { html, useLayoutEffect, useRef, useState } from "./html.js";
import { tell } from "./notices.js";
import { Block } from "./stage.js";

const BLANK = { content: "", keys: [], enabled: true };
const FEW = 12;
/** [field of an entry, its name, what it is where nothing is given, least, most, step]. */
const MORE = [
  ["probability", "Chance", 1, 0, 1, 0.05],
  ["scan_depth", "Looks back, in turns", 0, 0, 100000, 1],
  ["order", "Order", 0, -100000, 100000, 1],
  ["sticky", "Stays, in turns", 0, 0, 100000, 1],
  ["cooldown", "Rests, in turns", 0, 0, 100000, 1],
  ["delay", "Not before turn", 0, 0, 100000, 1],
];
const isOn = (entry) => entry.enabled !== false;

export function Lore({ entries, change }) {
  const [all, setAll] = useState(false);
  const [opened, setOpened] = useState(-1);
  const put = (place, given) => change(entries.map((each, at) => (at === place ? { ...each, ...given } : each)));
  const drop = (place) => {
    const gone = entries[place];
    change(entries.filter((_, at) => at !== place));
    setOpened(-1);
    if (gone.content) tell("The entry was removed.", { undo: () => change(entries) });
  };
  const add = () => {
    change([...entries, BLANK]);
    setAll(true);
    setOpened(entries.length);
  };
  const shown = all ? entries : entries.slice(0, FEW);
  return html`<${Block} kind="knowledge" label="Lore" hint="Passages that join the knowledge when one of their keys is said.">
    <div class="lore">
      ${shown.map(
        (entry, place) => html`<${Entry} key=${place} entry=${entry} place=${place} opened=${opened === place}
          put=${(given) => put(place, given)} drop=${() => drop(place)} />`,
      )}
      ${shown.length < entries.length && html`<button type="button" class="quiet" onClick=${() => setAll(true)}>All ${entries.length} entries</button>`}
      <button type="button" class="add" aria-label="Add an entry of lore" onClick=${add}>+ entry</button>
    </div>
  </${Block}>`;
}

function Entry({ entry, place, opened, put, drop }) {
  const { name, keys = [], secondary_keys: more = [], content, constant } = entry;
  const of = ` of entry ${place + 1}`;
  const first = useRef(null);
  useLayoutEffect(() => {
    if (!opened) return;
    first.current.closest("details").open = true;
    first.current.focus();
  }, [opened]);
  return html`<details class="entry ${isOn(entry) ? "" : "off"}">
    <summary><bdi>${name || keys.join(", ") || content.slice(0, 60) || "new entry"}</bdi>
      ${constant && html`<span class="badge">always</span>`}${!isOn(entry) && html`<span class="badge">off</span>`}</summary>
    <div class="fields">
      <${Keys} label="Keys" of=${of} keys=${keys} isPattern=${entry.regex} put=${(found) => put({ keys: found })} box=${first} />
      ${(entry.selective || more.length > 0) &&
      html`<${Keys} label="And one of" of=${of} keys=${more} isPattern=${entry.regex} put=${(found) => put({ secondary_keys: found })} />`}
      <textarea rows="2" dir="auto" aria-label=${`Passage${of}`} placeholder="The passage" value=${content} onInput=${(event) => put({ content: event.target.value })}></textarea>
      <details><summary>More</summary>
        <div class="settings">
          ${MORE.map(
            ([field, label, usual, least, most, step]) => html`<label>${label}
              <input type="number" min=${least} max=${most} step=${step} aria-label=${`${label}${of}`} value=${entry[field] ?? usual}
                onInput=${({ target }) => target.value !== "" && target.validity.valid && put({ [field]: Number(target.value) })} /></label>`,
          )}
        </div>
      </details>
      <div class="row">
        <label class="check"><input type="checkbox" checked=${isOn(entry)} onChange=${(event) => put({ enabled: event.target.checked })} /> on</label>
        <label class="check"><input type="checkbox" checked=${Boolean(constant)} onChange=${(event) => put({ constant: event.target.checked })} /> always there</label>
        <span class="space"></span>
        <button type="button" class="quiet" aria-label=${`Remove entry ${place + 1}`} onClick=${drop}>Remove</button>
      </div>
    </div>
  </details>`;
}

/** Keys with commas between them, patterns a line each; what is typed stays until the field is left. */
function Keys({ label, of, keys, put, isPattern, box = null }) {
  const [typed, setTyped] = useState(null);
  const gap = isPattern ? "\n" : ",";
  const input = (event) => {
    setTyped(event.target.value);
    put(event.target.value.split(gap).map((each) => each.trim()).filter(Boolean));
  };
  return html`<label>${isPattern ? `${label}, as patterns` : label}
    <textarea ref=${box} rows="1" dir="auto" aria-label=${`${label}${of}, ${isPattern ? "a line each" : "with commas between them"}`}
      placeholder=${isPattern ? "lions?" : "lions, the big cat"} value=${typed ?? keys.join(isPattern ? "\n" : ", ")}
      onInput=${input} onBlur=${() => setTyped(null)}></textarea>
  </label>`;
}
