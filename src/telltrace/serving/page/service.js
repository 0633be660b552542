// The service as the page sees it: calls with the key, uploads, states of jobs, pictures.

import { byId } from "./elements.js";

const FINAL = ["done", "failed", "cancelled"];
export const PAUSE = 1000;

/** An answer that is no success, in the words of the service. */
export class Problem extends Error {
  constructor(status, { title, detail, remedy, type } = {}) {
    super([title || `The service answered ${status}`, detail, remedy].filter(Boolean).join(". "));
    this.status = status;
    this.passes = [429, 503].includes(status) && type !== "/problems/quota-used"; // try again later
  }
}

export const isFinal = (job) => FINAL.includes(job?.state);

const authorization = () => {
  const key = sessionStorage.getItem("key");
  return key ? { Authorization: `Bearer ${key}` } : {};
};

/** Ask for a key, once for all calls that wait for one. */
let asked = null;
function askForKey() {
  asked ??= new Promise((resolve, reject) => {
    const dialog = byId("key");
    byId("key-wrong").hidden = !sessionStorage.getItem("key");
    dialog.addEventListener("close", () => {
      const given = byId("key-text").value.trim();
      byId("key-text").value = "";
      asked = null;
      if (!given) return reject(new Problem(401, { title: "The service wants an API key" }));
      sessionStorage.setItem("key", given);
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asked;
}

/** After a refusal: a key, unless another call has one by now. */
async function renewKey(used) {
  if (used.Authorization === authorization().Authorization) await askForKey();
}

function problem(status, text) {
  try {
    return new Problem(status, JSON.parse(text));
  } catch {
    return new Problem(status);
  }
}

/** Call the service; anything but a success is a Problem. */
export async function call(path, options = {}) {
  const used = authorization();
  const response = await fetch(path, { ...options, headers: { ...options.headers, ...used } });
  if (response.status === 401) {
    await renewKey(used);
    return call(path, options);
  }
  if (!response.ok) throw problem(response.status, await response.text());
  return response;
}

export const read = async (path) => (await call(path)).json();

const known = new Map();

/** What stays the same while the service runs, read once: /v1/detectors, /v1/findings. */
export function readOnce(path) {
  if (!known.has(path)) {
    known.set(path, read(path));
    known.get(path).catch(() => known.delete(path));
  }
  return known.get(path);
}

/** Send a file as a new job; `onShare` is told how much of it is there, 0 to 1. */
export function send(file, onShare, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const used = authorization();
    request.open("POST", "/v1/jobs");
    for (const [name, value] of Object.entries(used)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onShare(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Problem(0, { title: "The service cannot be reached" }));
    request.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
    request.onload = () => {
      if (request.status === 401) {
        renewKey(used).then(() => send(file, onShare, signal)).then(resolve, reject);
      } else if (request.status >= 400) reject(problem(request.status, request.responseText));
      else resolve(JSON.parse(request.responseText));
    };
    signal.addEventListener("abort", () => request.abort());
    const body = new FormData();
    body.append("file", file);
    request.send(body);
  });
}

/** The data of server-sent events, as they come. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).replaceAll("\r\n", "\n").split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length) yield JSON.parse(lines.map((line) => line.slice(5)).join("\n"));
    }
  }
}

/** The states of a job until its last; a stream that breaks off is taken up again. */
export async function* states(id, signal) {
  for (let failures = 0; ; ) {
    try {
      const { body } = await call(`/v1/jobs/${id}/events`, { signal });
      for await (const job of events(body)) {
        failures = 0;
        yield job;
        if (isFinal(job)) return;
      }
    } catch (error) {
      const lasts = error instanceof Problem && !error.passes;
      if (lasts || error.name === "AbortError" || ++failures > 5) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE * (failures + 1)));
  }
}

const pictures = new Map();

/** The address, within this tab, of a picture that may need the key. */
export function picture(path) {
  if (!pictures.has(path)) {
    const loaded = call(path).then((r) => r.blob()).then((blob) => URL.createObjectURL(blob));
    pictures.set(path, loaded);
    loaded.catch(() => pictures.delete(path));
  }
  return pictures.get(path);
}

/** Forget the pictures of a job. */
export function forget(id) {
  for (const [path, loaded] of pictures) {
    if (!path.startsWith(`/v1/jobs/${id}/`)) continue;
    loaded.then((address) => URL.revokeObjectURL(address), () => {});
    pictures.delete(path);
  }
}

/** Save what the service or the page has under a name. */
export async function save(name, content) {
  const blob = typeof content === "string" ? await (await call(content)).blob() : content;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60 * PAUSE);
}
