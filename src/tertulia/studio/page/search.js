// Search over past talks: what was said in them, on any branch, and what directed them.
import { get } from "./api.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { wrong } from "./notices.js";
import { stepped } from "./roving.js";
import { openTalk } from "./talks.js";

const PAGE = 20;
const PAUSE_MILLISECONDS = 200;
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A field and the talks it finds; all of them, newest first, while nothing is sought. */
export function Search({ onClose = () => {} }) {
  const [words, setWords] = useState("");
  const [found, setFound] = useState(null);
  const [more, setMore] = useState(false);
  const box = useRef(null);
  const asked = useRef(0);

  const seek = async (offset = 0) => {
    const mine = (asked.current += 1);
    const next = await talks(words.trim(), offset);
    if (mine !== asked.current) return;
    setFound((before) => (offset ? [...before, ...next] : next));
    setMore(next.length === PAGE);
  };
  useEffect(() => {
    const pause = setTimeout(seek, words ? PAUSE_MILLISECONDS : 0);
    return () => clearTimeout(pause);
  }, [words]);

  const open = async (id) => {
    if (await openTalk(id)) onClose();
  };
  const move = (event) => {
    const stops = [...box.current.querySelectorAll("[data-stop]")];
    const to = stepped(event.key, stops.indexOf(document.activeElement), stops.length);
    if (to === null || ["Home", "End", "ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    stops[to]?.focus();
  };
  return html`<section class="search" role="search" aria-label="Past talks" ref=${box} onKeyDown=${move}>
    <label>Search past talks
      <input type="search" data-stop autofocus value=${words} onInput=${(event) => setWords(event.target.value)} />
    </label>
    <p class="hint" role="status">${told(found, more, words)}</p>
    <ul class="found">
      ${(found ?? []).map(
        (each) => html`<li key=${each.id}><${Found} talk=${each} words=${words.trim()} open=${() => open(each.id)} /></li>`,
      )}
    </ul>
    ${more && html`<button class="quiet" onClick=${() => seek(found.length)}>More</button>`}
  </section>`;
}

async function talks(search, offset) {
  const sought = new URLSearchParams({ limit: PAGE, offset, ...(search && { search }) });
  try {
    return (await get(`/tertulia/talks?${sought}`)).talks;
  } catch (error) {
    wrong(error);
    return [];
  }
}

function told(found, more, words) {
  if (!found) return "Reading…";
  if (!found.length) return words.trim() ? "No talk holds these words." : "No talks yet.";
  return `${found.length}${more ? " or more" : ""} ${found.length === 1 ? "talk" : "talks"}`;
}

function Found({ talk, words, open }) {
  const name = talk.title || `${talk.agent} and ${talk.user}`;
  return html`<button class="find" data-stop onClick=${open}>
    <strong dir="auto"><${Marked} text=${name} words=${words} /></strong>
    <span class="hint">${when(talk.changed)} · ${talk.turns === 1 ? "1 turn" : `${talk.turns} turns`} · <bdi>${talk.agent_name}</bdi></span>
    ${talk.situation && html`<span class="text" dir="auto"><${Marked} text=${talk.situation} words=${words} /></span>`}
    ${talk.last && html`<span class="text last" dir="auto"><${Marked} text=${talk.last} words=${words} /></span>`}
  </button>`;
}

function when(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : DAY.format(date);
}

/** A text with the words that were sought marked in it. */
function Marked({ text, words }) {
  if (!words) return text;
  const [lower, sought] = [text.toLowerCase(), words.toLowerCase()];
  // Some letters have another length in lower case; then nothing is marked.
  if (lower.length !== text.length) return text;
  const found = [];
  let at = 0;
  for (let next = lower.indexOf(sought); next >= 0; next = lower.indexOf(sought, at)) {
    found.push(text.slice(at, next), html`<mark>${text.slice(next, next + sought.length)}</mark>`);
    at = next + sought.length;
  }
  return html`${found}${text.slice(at)}`;
}
