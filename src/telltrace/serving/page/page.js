// The page: what is dropped goes to the service, and what the service says of it is shown.

import { aboutDetectors } from "./about.js";
import { byId, html } from "./elements.js";
import { chip } from "./people.js";
import { picture, read } from "./service.js";
import { Session, stageOf } from "./session.js";
import { verdictView } from "./verdict.js";
import { STAGES, sentence, size, spell } from "./words.js";

const session = new Session(changed);
const listed = new Map();
let limits = {};
let chosen = null;
let shownStage = null;

/** Tell those who hear the page. */
function say(text) {
  byId("said").textContent = text;
}

/** The files that somebody dropped or chose; those that are too large are named and left out. */
function take(files) {
  const large = limits.max_bytes ? files.filter((file) => file.size > limits.max_bytes) : [];
  const refused = byId("refused");
  refused.hidden = !large.length;
  refused.textContent = large.length
    ? `Larger than ${size(limits.max_bytes)}, and not sent: ${large.map(({ name }) => name).join(", ")}.` : "";
  const entries = files.filter((file) => !large.includes(file)).map((file) => session.add(file.name, { file }));
  if (entries.length) begin(entries[0]);
}

/** Show how far a file is; on a narrow screen that is below the list. */
function begin(entry) {
  choose(entry);
  if (byId("result").getBoundingClientRect().top > innerHeight / 2) byId("result").scrollIntoView();
}

function choose(entry) {
  chosen = entry;
  shownStage = null;
  session.entries.forEach(list);
  return show();
}

async function open(entry) {
  await choose(entry);
  byId("headline").focus();
}

/** Called by the session whenever something about a file changed. */
function changed(entry) {
  list(entry);
  byId("nothing").hidden = session.entries.length > 0;
  byId("clear").hidden = session.entries.length < 2;
  if (entry !== chosen) return;
  if (!entry.gone) return show();
  chosen = null;
  choose(session.entries[0] ?? null);
}

async function remove(entry) {
  try {
    await session.remove(entry);
    say(`${entry.name} was deleted.`);
    (byId("files").querySelector("button") ?? byId("choose")).focus();
  } catch (error) {
    byId("refused").hidden = false;
    byId("refused").textContent = error.message;
  }
}

/** The verdict of an entry, or where it stands, in a few words. */
function state(entry) {
  const { job, error } = entry;
  const verdict = job?.verdict;
  if (verdict) {
    const people = verdict.tracks.length > 1 ? `${verdict.tracks.length} people` : "";
    return [chip(verdict.verdict ?? verdict.status), html("span", { class: "soft" }, people)];
  }
  const stage = stageOf(entry);
  const share = stage === "uploading" ? entry.share : job?.progress?.share;
  const ended = error || stage === "failed" || stage === "cancelled";
  const far = share ? `${Math.round(100 * share)} %` : "…";
  return [html("span", { class: "soft" }, ended ? stage : `${stage} ${far}`)];
}

/** One line of the list: chosen with a click, deleted with another. */
function list(entry) {
  if (entry.gone) {
    listed.get(entry)?.remove();
    return listed.delete(entry);
  }
  if (!listed.has(entry)) {
    const label = `Delete ${entry.name}`;
    const item = html("li", {},
      html("button", { type: "button", class: "file", onclick: () => open(entry) },
        html("span", { class: "name" }, entry.name), html("span", { class: "state" })),
      html("button", { type: "button", class: "quiet remove", "aria-label": label,
        onclick: () => remove(entry) }, "×"));
    listed.set(entry, item);
    byId("files").prepend(item);
  }
  const item = listed.get(entry);
  item.querySelector(".state").replaceChildren(...state(entry));
  item.querySelector(".file").setAttribute("aria-current", entry === chosen ? "true" : "false");
  return item;
}

/** Stages of a file that is not judged yet. */
function progressView(entry) {
  const stage = stageOf(entry);
  const at = STAGES.indexOf(stage);
  const share = (stage === "uploading" ? entry.share : entry.job?.progress?.share) || 0;
  return html("section", { class: "card", "aria-labelledby": "headline" },
    html("h1", { id: "headline", tabindex: -1 }, entry.name),
    html("ol", { class: "stages" }, STAGES.map((name, i) =>
      html("li", { class: i < at ? "past" : "", "aria-current": i === at ? "step" : null }, name))),
    html("progress", { id: "share", max: 1, value: share, "aria-label": "Done" }),
    html("p", { class: "row" },
      html("button", { type: "button", onclick: () => remove(entry) }, "Cancel")));
}

function failedView(entry) {
  const { problem } = entry.job ?? {};
  const words = problem ? [problem.detail, problem.remedy].map(sentence).join(" ") : sentence(entry.error);
  const title = problem?.title ?? (stageOf(entry) === "cancelled" ? "It was cancelled" : "It could not be judged");
  return html("section", { class: "card banner none", "aria-labelledby": "headline" },
    html("div", { class: "sign", "aria-hidden": "true" }, "×"),
    html("div", { class: "about" }, html("p", { class: "status" }, entry.name),
      html("h1", { id: "headline", tabindex: -1 }, title), html("p", {}, words || "")));
}

function welcome() {
  const steps = {
    "Give it a file": "A picture or a video of any common kind. It is judged by the service that this page comes "
      + "from, and by nobody else.",
    "Read the verdict": "FAKE, REAL or UNCERTAIN, for each person apart, with the score, the seconds and the "
      + "frames that it rests on.",
    "Look for yourself": "A score is no proof. Walk through the timeline, look at the faces and the maps, and "
      + "keep the report.",
  };
  return [html("section", { class: "card welcome", "aria-labelledby": "headline" },
    html("h1", { id: "headline", tabindex: -1 }, "Was a face in it forged?"),
    html("ol", {}, Object.entries(steps).map(([title, text]) =>
      html("li", {}, html("h2", {}, title), html("p", {}, text))))), aboutDetectors()];
}

/** Show the chosen entry; of one that is under way only the share moves until the stage changes. */
async function show() {
  const place = byId("result");
  const entry = chosen;
  document.title = entry ? `${entry.name} · telltrace` : "telltrace";
  if (!entry) return place.replaceChildren(...welcome());
  const stage = stageOf(entry);
  if (stage === shownStage) {
    const share = stage === "uploading" ? entry.share : entry.job?.progress?.share;
    if (byId("share")) byId("share").value = share || 0;
    return;
  }
  const before = shownStage;
  shownStage = stage;
  if (entry.job?.verdict) {
    const title = html("p", { class: "crumb" }, entry.name);
    const content = await verdictView(entry.job).catch((error) => [html("p", { class: "note" }, error.message)]);
    if (entry !== chosen) return;
    place.replaceChildren(title, ...content);
    if (before) say(`${entry.name}: ${byId("headline")?.textContent ?? ""}`);
  } else if (["failed", "cancelled", "done"].includes(stage)) {
    place.replaceChildren(failedView(entry));
    say(`${entry.name}: ${byId("headline").textContent}`);
  } else {
    place.replaceChildren(progressView(entry));
    say(`${entry.name}: ${stage}`);
  }
}

/** Pictures to try, of which the service tells. */
async function examples() {
  const found = await read("/v1/examples");
  byId("examples").hidden = !found.length;
  byId("example-list").replaceChildren(...found.map(({ name, title, picture: path }) => {
    const image = html("img", { alt: "", width: 72, height: 72 });
    picture(path).then((address) => { image.src = address; }, () => {});
    return html("li", {}, html("button", { type: "button",
      onclick: () => begin(session.add(title, { example: name })) }, image, html("span", {}, title)));
  }));
}

async function tellLimits() {
  limits = await read("/v1/limits");
  byId("limits").textContent = ["Several at a time",
    `up to ${size(limits.max_bytes)} each`, `videos up to ${spell(limits.max_seconds)}`].join(", ").concat(".");
  byId("promise").textContent = "Files go to this service alone and are deleted right after they were judged; "
    + `verdicts and pictures after ${spell(limits.keep_seconds)}.`;
}

function start() {
  const drop = byId("drop");
  const over = (on) => (event) => {
    event.preventDefault();
    drop.classList.toggle("over", on);
  };
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, over(true));
  for (const name of ["dragleave", "drop"]) document.addEventListener(name, over(false));
  document.addEventListener("drop", (event) => take([...event.dataTransfer.files]));
  byId("choose").addEventListener("change", ({ target }) => {
    take([...target.files]);
    target.value = "";
  });
  byId("clear").addEventListener("click", async () => {
    choose(null);
    for (const entry of [...session.entries]) await remove(entry);
  });
  session.restore();
  choose(session.entries[0] ?? null);
  tellLimits().catch(() => {});
  examples().catch(() => {});
}

start();
