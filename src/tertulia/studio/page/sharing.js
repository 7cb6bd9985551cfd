// Talks as files: export in the forms other programs read, import, and a page that can be read alone.
import { file, get, save, upload } from "./api.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { tell, wrong } from "./notices.js";
import { talk } from "./state.js";
import { listTalks, openTalk } from "./talks.js";

/** The form that loses nothing. */
const WHOLE = "jsonl";

/** The forms that talks are written in and read from, once the server told them. */
function useForms() {
  const [forms, setForms] = useState([]);
  useEffect(() => {
    get("/tertulia/forms").then((found) => setForms(found.forms), wrong);
  }, []);
  return forms;
}

/** The open talk as a file. */
export function Sharing({ onClose }) {
  const forms = useForms().filter((each) => each.writes);
  const [form, setForm] = useState("");
  const [report, setReport] = useState(null);
  const at = `/tertulia/talks/${encodeURIComponent(talk.value.id)}`;
  const chosen = form || (forms.find((each) => each.name === WHOLE) ?? forms[0])?.name || "";
  const taken = async (path, name) => {
    setReport(null);
    try {
      const got = await file(path);
      save(got.blob, got.name || name);
      setReport(read(got.headers.get("x-tertulia-report")));
    } catch (error) {
      wrong(error);
    }
  };
  const exported = () => taken(`${at}/export?form=${encodeURIComponent(chosen)}`, `talk.${chosen}`);
  return html`<section class="sharing" aria-labelledby="sharing">
    <h3 id="sharing">Take this talk with you</h3>
    <label>As
      <select value=${chosen} onChange=${(event) => setForm(event.target.value)}>
        ${forms.map((each) => html`<option value=${each.name}>${each.about ? `${each.name}: ${each.about}` : each.name}</option>`)}
      </select>
    </label>
    <div class="acts">
      <button class="main" disabled=${!chosen} onClick=${exported}>Save the file</button>
      <button onClick=${() => taken(`${at}/page`, "talk.html")}>Save a page to read</button>
    </div>
    <p class="hint">The page is one file without scripts. It fetches nothing and sends nothing.</p>
    <${Report} report=${report} />
    <h3>Bring talks in</h3>
    <div class="acts"><${Importing} onClose=${onClose} /></div>
  </section>`;
}

/** Talks out of a file, in whatever form of ours or another program's. */
export function Importing({ onClose = () => {} }) {
  const input = useRef(null);
  const [report, setReport] = useState(null);
  const [reading, setReading] = useState(false);
  const take = async (event) => {
    const [given] = event.target.files;
    event.target.value = "";
    if (!given) return;
    setReading(true);
    setReport(null);
    try {
      const found = await upload("/tertulia/talks/import", given);
      setReport(found.report);
      tell(`${found.talks.length === 1 ? "One talk was" : `${found.talks.length} talks were`} imported.`);
      await listTalks();
      if (found.talks.length === 1 && (await openTalk(found.talks[0]))) onClose();
    } catch (error) {
      wrong(error);
    }
    setReading(false);
  };
  return html`<button type="button" disabled=${reading} onClick=${() => input.current.click()}>
      ${reading ? "Reading…" : "Import talks…"}
    </button>
    <input ref=${input} type="file" class="visually-hidden" tabindex="-1" aria-label="A file of talks" onChange=${take} />
    <${Report} report=${report} />`;
}

function read(header) {
  try {
    return header ? JSON.parse(header) : null;
  } catch {
    return null;
  }
}

/** What a file could not hold, counted by its place. */
function Report({ report }) {
  const lost = Object.entries(report?.lost ?? {});
  if (!report) return null;
  if (!lost.length) return html`<p role="status" class="hint">Nothing was lost on the way.</p>`;
  return html`<div role="status">
    <p>Not everything fits into this form. Left out:</p>
    <ul>${lost.map(([path, count]) => html`<li><span class="words">${path}</span> (${count})</li>`)}</ul>
  </div>`;
}
