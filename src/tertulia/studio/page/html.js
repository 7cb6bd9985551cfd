// What every file of the page draws with: templates, hooks and signals. Text given to a template
// becomes a text node; nothing here turns text into markup.
import { Fragment, createRef, h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";
import "./vendor/signals.js";

export const html = htm.bind(h);
export { Fragment, createRef, h, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
export { batch, computed, effect, signal, untracked } from "./vendor/signals-core.js";
export { useComputed, useSignal } from "./vendor/signals.js";
