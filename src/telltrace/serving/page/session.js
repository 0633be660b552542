// The files of this tab: uploads one after another, their progress, and the list of them.

import { PAUSE, Problem, call, forget, isFinal, send, states } from "./service.js";
import { STAGES } from "./words.js";

const FOLLOWED = 3;

/** What a file is at: a stage of judging or an end. A scan that looks again is not set back. */
function stageOf({ job, error, stage }) {
  if (error) return "failed";
  if (!job) return "uploading";
  if (isFinal(job)) return job.state;
  const now = job.state === "queued" ? "waiting" : job.progress.stage;
  return STAGES.indexOf(now) < STAGES.indexOf(stage) ? stage : now;
}

/** Files in the order in which they came; `onChange(entry)` is told of each change of one. */
export class Session {
  constructor(onChange) {
    this.entries = [];
    this.onChange = onChange;
    this.sending = Promise.resolve();
    this.followed = 0;
    this.waiting = [];
  }

  /** Send a file, or have an example judged, after those that came before. */
  add(name, { file = null, example = null }) {
    const entry = this.#insert({ name, share: 0 });
    this.sending = this.sending.then(() => this.#send(entry, file, example));
    return entry;
  }

  /** Take up the jobs that this tab knew before it was loaded again. */
  restore() {
    const known = JSON.parse(sessionStorage.getItem("jobs") ?? "[]");
    for (const { id, name } of known) this.#follow(this.#insert({ id, name }));
  }

  /** Cancel what runs and delete what the service keeps. */
  async remove(entry) {
    entry.control.abort();
    if (entry.id) {
      try {
        await call(`/v1/jobs/${entry.id}`, { method: "DELETE" });
      } catch (error) {
        if (error.status !== 404) throw error;
      }
      forget(entry.id);
    }
    entry.gone = true;
    this.entries = this.entries.filter((one) => one !== entry);
    this.#changed(entry);
  }

  #insert(values) {
    const entry = { id: null, job: null, error: null, gone: false, control: new AbortController(), ...values };
    this.entries.unshift(entry);
    this.#changed(entry);
    return entry;
  }

  #changed(entry) {
    entry.stage = stageOf(entry);
    const known = this.entries.filter(({ id }) => id).map(({ id, name }) => ({ id, name })).reverse();
    sessionStorage.setItem("jobs", JSON.stringify(known));
    this.onChange(entry);
  }

  async #send(entry, file, example) {
    const { signal } = entry.control;
    const told = (share) => {
      entry.share = share;
      this.#changed(entry);
    };
    while (!entry.gone) {
      try {
        entry.job = file ? await send(file, told, signal)
          : await (await call(`/v1/jobs?example=${encodeURIComponent(example)}`, { method: "POST", signal })).json();
        entry.id = entry.job.id;
        this.#changed(entry);
        this.#follow(entry);
        return;
      } catch (error) {
        if (!error.passes) return this.#failed(entry, error);
        await new Promise((resolve) => setTimeout(resolve, 2 * PAUSE)); // of many files some find no room yet
      }
    }
  }

  #failed(entry, error) {
    if (error.name === "AbortError") return;
    entry.error = error instanceof Problem ? error.message : "The service cannot be reached";
    if (error.status === 404) entry.id = null;
    this.#changed(entry);
  }

  /** Browsers keep few connections to one place: some jobs are followed, the others wait. */
  async #follow(entry) {
    if (this.followed >= FOLLOWED) await new Promise((resolve) => this.waiting.push(resolve));
    this.followed += 1;
    try {
      for await (const job of states(entry.id, entry.control.signal)) {
        if (entry.gone) break;
        entry.job = job;
        this.#changed(entry);
      }
    } catch (error) {
      this.#failed(entry, error);
    } finally {
      this.followed -= 1;
      this.waiting.shift()?.();
    }
  }
}
