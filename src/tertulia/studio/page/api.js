// The server, asked over HTTP: JSON in, JSON out, and its streams of events. See docs/howto/studio.md.
import { lost } from "./connection.js";

const KEY = "tertulia.key";
const UNREACHABLE = "the server cannot be reached: is it still running?";
const PAUSE_MILLISECONDS = 250;
const LONGEST_MILLISECONDS = 4000;

/** An answer that is an error. status 0 says that the server could not be reached. */
export class Refused extends Error {
  constructor(status, error) {
    super(error.message || `the server answered ${status}`);
    this.status = status;
    this.code = error.code || "";
    this.param = error.param || "";
  }
}

let given = null;

/** The key the server asks for, where it asks for one; kept for this tab only. */
export const key = {
  get: () => given ?? stored() ?? "",
  set: (text) => {
    given = text;
    try {
      sessionStorage.setItem(KEY, text);
    } catch {
      // Storage is off: the key holds until the page is closed.
    }
  },
};
function stored() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const headers = (more = {}) => (key.get() ? { "x-api-key": key.get(), ...more } : more);

async function asked(method, path, { body, type = "application/json", keepalive = false } = {}) {
  const given = body === undefined ? {} : { "content-type": type };
  let response;
  try {
    response = await fetch(path, { method, body, keepalive, headers: headers(given) });
  } catch {
    throw new Refused(0, { message: UNREACHABLE });
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.error || {});
}

async function told(method, path, body, options = {}) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await asked(method, path, { ...sent, ...options });
  return response.status === 204 ? null : response.json();
}

/** JSON of GET, and of a method with a JSON body. Both throw Refused. */
export const get = (path) => told("GET", path);
export const send = (method, path, body, options) => told(method, path, body, options);

/** JSON of a body that is a file's bytes. */
export async function upload(path, bytes) {
  return (await asked("POST", path, { body: bytes, type: "application/octet-stream" })).json();
}

/** {blob, name, headers} of a file that the server gives. */
export async function file(path) {
  const response = await asked("GET", path);
  const disposition = response.headers.get("content-disposition") || "";
  const name = /filename="?([^";]+)/.exec(disposition)?.[1] || "";
  return { blob: await response.blob(), name, headers: response.headers };
}

/** Hand a file to the person, as the browser does with a download. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Follow the events of a generation to their end: each(name, data) for every one, from the
 * beginning. A connection that breaks is taken up again where it broke, until signal is aborted.
 * Throws Refused for what the server does not know any more.
 */
export async function follow(id, each, signal) {
  let last = "";
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      const resumed = last ? { "last-event-id": last } : {};
      const path = `/tertulia/generations/${encodeURIComponent(id)}/events`;
      const response = await fetch(path, { headers: headers(resumed), signal });
      if (!response.ok) {
        const body = await response.json().catch(() => ({}));
        throw new Refused(response.status, body.error || {});
      }
      for await (const event of events(response.body)) {
        last = event.id || last;
        tries = 0;
        if (event.name === "end") return;
        each(event.name, event.data);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused) throw error;
      if (tries > 0) lost();
    }
    const pause = Math.min(LONGEST_MILLISECONDS, PAUSE_MILLISECONDS * 2 ** tries);
    await new Promise((done) => setTimeout(done, pause));
  }
}

/** {id, name, data} of each server-sent event in a stream of bytes; data is JSON. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll("\r\n", "\n")).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = read(block);
      if (event) yield event;
    }
  }
}

function read(block) {
  const event = { id: "", name: "message", data: [] };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (line.startsWith("data:")) event.data.push(value);
    else if (line.startsWith("event:")) event.name = value;
    else if (line.startsWith("id:")) event.id = value;
  }
  if (!event.data.length) return event.name === "end" ? { ...event, data: {} } : null;
  return { ...event, data: JSON.parse(event.data.join("\n")) };
}
