// The page: what is dropped goes to the service, and what the service says of it is shown.

import { aboutDetectors } from "./about.js";
import { byId, html } from "./elements.js";
import { chip } from "./people.js";
import { picture, read } from "./service.js";
import { Session } from "./session.js";
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

/** How much is done, of the upload and then of judging, 0 to 1. */
const shareOf = ({ job, share }) => (job ? job.progress.share : share) || 0;

/** The verdict of an entry, or where it stands, in a few words. */
function state(entry) {
  const verdict = entry.job?.verdict;
  if (verdict) {
    const people = verdict.tracks.length > 1 ? `${verdict.tracks.length} people` : "";
    return [chip(verdict.verdict ?? verdict.status), html("span", { class: "soft" }, people)];
  }
  const far = shareOf(entry) ? `${Math.round(100 * shareOf(entry))} %` : "…";
  return [html("span", { class: "soft" }, STAGES.includes(entry.stage) ? `${entry.stage} ${far}` : entry.stage)];
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

/** The stages of judging, with the one that a file is at. */
function stageList({ stage }) {
  const at = STAGES.indexOf(stage);
  return html("ol", { class: "stages", id: "stages" }, STAGES.map((name, i) =>
    html("li", { class: i < at ? "past" : "", "aria-current": i === at ? "step" : null }, name)));
}

/** A file that is not judged yet. */
function progressView(entry) {
  return html("section", { class: "card", "aria-labelledby": "headline" },
    html("h1", { id: "headline", tabindex: -1 }, entry.name),
    stageList(entry),
    html("progress", { id: "share", max: 1, value: shareOf(entry), "aria-label": "Done" }),
    html("p", { class: "row" },
      html("button", { type: "button", onclick: () => remove(entry) }, "Cancel")));
}

function failedView(entry) {
  const { problem } = entry.job ?? {};
  const words = problem ? [problem.detail, problem.remedy].map(sentence).join(" ") : sentence(entry.error);
  const title = problem?.title ?? (entry.stage === "cancelled" ? "It was cancelled" : "It could not be judged");
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

/** What there is to say of an entry that is over. */
function ended(entry) {
  if (!entry.job?.verdict) return [failedView(entry)];
  const title = html("p", { class: "crumb" }, entry.name);
  return verdictView(entry.job).then((content) => [title, ...content],
    (error) => [title, html("p", { class: "note", id: "headline", tabindex: -1 }, error.message)]);
}

/** Put content in the place of the result; who was in it with the keyboard is led to its heading. */
function put(content) {
  const inside = byId("result").contains(document.activeElement);
  byId("result").replaceChildren(...content);
  if (inside) byId("headline").focus();
}

/** Show the chosen entry; of one that is under way only what changed is drawn anew. */
async function show() {
  const entry = chosen;
  document.title = entry ? `${entry.name} · telltrace` : "telltrace";
  if (!entry) return put(welcome());
  const before = shownStage;
  shownStage = entry.stage;
  if (byId("share") && before) byId("share").value = shareOf(entry);
  if (before === entry.stage) return;
  if (STAGES.includes(entry.stage)) {
    if (before) byId("stages").replaceWith(stageList(entry));
    else put([progressView(entry)]);
    return say(`${entry.name}: ${entry.stage}`);
  }
  const content = await ended(entry);
  if (entry !== chosen) return;
  put(content);
  if (before) say(`${entry.name}: ${byId("headline").textContent}`);
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
