// How full the model's window is: the prompt of the next reply as it stands now, rendered ahead of it.
import { send } from "./api.js";
import { computed, html, signal, useEffect } from "./html.js";
import * as state from "./state.js";

const PAUSE_MILLISECONDS = 500;

/** The prompt of a next reply, {talk, key, spans, tokens, context_window, …} or {talk, key, error}; or null. */
const seen = signal(null);
/** That of the open talk, or null. */
export const next = computed(() => (seen.value?.talk === state.talk.value?.id ? seen.value : null));

/** What the prompt of the next reply hangs on. */
const asked = () => ({
  talk: state.talk.value.id,
  parent: state.end.value?.id ?? null,
  agent: state.talk.value.agent_name,
  plan: state.plan.value,
  ...(Object.keys(state.decoding.value).length ? { decoding: state.decoding.value } : {}),
});
const keyOf = (body) => JSON.stringify([body, state.talk.value.version]);

/** Render the prompt of the next reply; the model is opened for it where it is not yet. */
export async function lookAhead() {
  if (!state.talk.value) return;
  const body = asked();
  const key = keyOf(body);
  if (seen.peek()?.key === key) return;
  const told = await send("POST", "/tertulia/prompts", body).catch((error) => ({ error }));
  seen.value = { ...told, talk: body.talk, key };
}

/** Whether the agent's model is open, so that a prompt costs next to nothing. */
const isOpen = () =>
  Boolean(state.agent.value?.loaded) ||
  [...state.generations.value.values()].some((each) => each.prompt && each.agent_name === state.talk.value.agent_name);

/** A line that tells how much of the window is taken. */
export function Context() {
  const open = isOpen() && !state.running.value.length;
  const key = keyOf(asked());
  useEffect(() => {
    if (!open) return undefined;
    const pause = setTimeout(lookAhead, PAUSE_MILLISECONDS);
    return () => clearTimeout(pause);
  }, [open, key]);
  const live = state.running.value.at(-1)?.prompt ?? next.value;
  const room = live?.context_window || state.agent.value?.context_window;
  if (!room || typeof live?.tokens !== "number") return null;
  const cut = live.dropped?.length ?? 0;
  return html`<span class="context" title="The prompt of the next reply, of what the model can see">
    <meter min="0" max=${room} high=${room * 0.85} value=${live.tokens} aria-label="Part of the context window that the prompt takes"></meter>
    ${live.tokens.toLocaleString()} of ${room.toLocaleString()} tokens${cut > 0 && html`, <strong>${cut === 1 ? "the oldest turn does" : `the ${cut} oldest turns do`} not fit</strong>`}
  </span>`;
}
