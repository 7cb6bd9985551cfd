// The few drawings of the page; every button that shows one has a name in words.
import { html } from "./html.js";

const DRAWN = {
  again: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  edit: "M4 20l1-4L16.5 4.5a2 2 0 0 1 3 3L8 19l-4 1zM14 7l3 3",
  copy: "M8 8h12v12H8zM16 8V4H4v12h4",
  branch: "M6 4v16M6 14c8 0 12-2 12-8M15 8l3-3 3 3",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v6M14 11v6",
  goOn: "M4 12h10M10 7l5 5-5 5M19 5v14",
  good: "M7 11v9H4v-9h3zM7 11l4-8c2 0 3 1 2.600 3L13 10h6a1.500 1.500 0 0 1 1.500 2l-2 7a1.500 1.500 0 0 1-1.500 1H7",
  bad: "M7 13V4H4v9h3zM7 13l4 8c2 0 3-1 2.600-3L13 14h6a1.500 1.500 0 0 0 1.500-2l-2-7A1.500 1.500 0 0 0 17 4H7",
  why: "M12 18h.01M9 9a3 3 0 1 1 4 2.800c-.700.300-1 .900-1 1.700v.800M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9h.01",
  send: "M4 12l16-8-6 16-3-7-7-1z",
  stop: "M7 7h10v10H7z",
  speak: "M5 5h14v10H11l-4 4v-4H5z",
  search: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM16 16l4 4",
  share: "M12 15V4M8 8l4-4 4 4M5 13v6h14v-6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  moon: "M19 14A8 8 0 0 1 10 5a7.500 7.500 0 1 0 9 9z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  keys: "M3 7h18v10H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  talks: "M5 6h14M5 12h14M5 18h9",
  plus: "M12 5v14M5 12h14",
  down: "M12 5v14M6 13l6 6 6-6",
  play: "M8 5l11 7-11 7z",
};

export const icon = (name) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${DRAWN[name]} />
  </svg>`;

/** A button that shows a drawing. */
export const iconButton = (name, label, onClick, more = {}) =>
  html`<button type="button" class="icon-button" aria-label=${label} title=${label} onClick=${onClick} ...${more}>
    ${icon(name)}
  </button>`;
