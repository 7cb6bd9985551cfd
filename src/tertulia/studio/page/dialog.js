// A dialog in front of the page.
import { html, useLayoutEffect, useRef, useState } from "./html.js";
import { Notices, layer } from "./notices.js";

/** A modal dialog; Escape and its × close it, and the focus goes back to where it was. */
export function Dialog({ label, close, children }) {
  const box = useRef(null);
  const [level] = useState(() => layer.peek() + 1);
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    layer.value = level;
    return () => {
      layer.value = level - 1;
      if (document.activeElement === document.body) before?.focus?.();
    };
  }, []);
  const outside = (event) => event.target === box.current && close();
  return html`<dialog ref=${box} aria-label=${label} onClose=${close} onClick=${outside}>
    <div class="dialog">
      <header><h2>${label}</h2><button class="quiet" aria-label="Close" onClick=${close}>×</button></header>
      ${children}
    </div>
    <${Notices} level=${level} />
  </dialog>`;
}
