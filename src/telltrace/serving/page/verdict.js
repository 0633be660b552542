// What is said of one file: the verdict, the evidence for it, and how much it rests on.

import { aboutDetectors, downloads, fileFacts, origin } from "./about.js";
import { html, section } from "./elements.js";
import { bySuspicion, byStretch, peopleRows, scale } from "./people.js";
import { read, readOnce } from "./service.js";
import { plainFrame, viewer } from "./viewer.js";
import { FLAGS, counted, describe, during, percent, sentence, spoken } from "./words.js";

const SCORE = "A score is a measurement by a detector with known weaknesses: the probability of forgery if one face "
  + "in two were forged. How probable it is here depends on all else that is known.";

/** The score of the person who decides the verdict, on a scale with the thresholds. */
function scored(file, limits) {
  const [first] = bySuspicion(file.tracks);
  const person = file.tracks[first];
  const short = byStretch(person);
  const score = short ? person.stretch.score : person.score;
  const who = file.tracks.length > 1 && `of person ${first + 1}`;
  const about = [who, short && during(person.stretch)].filter(Boolean).join(" ");
  const between = `${percent(limits.real_below)} to ${percent(limits.fake_from)}`;
  return html("div", { class: "score" },
    html("p", { class: "figure" }, percent(score),
      html("span", {}, `score ${about}`)),
    scale(score, limits, `${percent(score)}; nothing is claimed from ${between}`),
    html("p", { class: "soft small" }, `Nothing is claimed from ${between}.`,
      short && ` By all looks together it is ${percent(person.score)};`,
      short && " a few seconds alone must score higher than the whole.",
      file.tracks.length > 1 && " With several people it takes more to say something."));
}

/** The verdict, why, and what to do; `notable` are sentences about the file's origin. */
function banner(file, limits, problem, notable) {
  const said = file.verdict ?? file.status;
  const { tone, sign, title } = describe(said);
  const reason = file.verdict && file.status !== "PARTIAL" ? file.reason : `the file ${file.reason}`;
  return html("section", { class: `card banner ${tone}`, "aria-labelledby": "headline" },
    html("div", { class: "sign", "aria-hidden": "true" }, sign),
    html("div", { class: "about" },
      html("p", { class: "status" }, spoken(said),
        file.status === "PARTIAL" && html("span", { class: "partial" }, "of a part of the file")),
      html("h1", { id: "headline", tabindex: -1 }, title),
      html("p", {}, sentence(reason), " ", sentence(file.remedy)),
      problem && html("p", { class: "note" }, [problem.detail, problem.remedy].map(sentence).join(" ")),
      [...file.warnings, ...notable].map((one) => html("p", { class: "note" }, one)),
      file.score !== null && html("p", { class: "soft small" }, SCORE)),
    file.score !== null && scored(file, limits));
}

/** What the verdict rests on, and what makes it weaker. */
function coverage(file) {
  const moving = file.kind === "video";
  const flags = new Set([...file.quality, ...file.tracks.flatMap((track) => track.quality)]);
  const unscored = file.tracks.filter((track) => track.score === null).length;
  const lines = [
    moving && `${counted(file.frames, "frame")} looked at, ${file.frames_with_face} of them with a face. `
      + "What happens between them was not seen.",
    file.lost > 0 && `${counted(file.lost, "packet")} could not be decoded; the verdict rests on the others.`,
    unscored > 0 && `${unscored} of ${file.tracks.length} people got no score.`,
    file.dropped > 0 && `Left out as hardly faces: ${file.dropped}.`,
    moving && "Sound, subtitles and other tracks were not examined.",
    ...[...flags].map((flag) => sentence(`${flag}: ${FLAGS[flag] ?? "hard to judge"}`)),
  ].filter(Boolean);
  if (!lines.length) return null;
  return section("Coverage and quality", html("ul", { class: "plain" }, lines.map((line) => html("li", {}, line))));
}

/** What was looked at without a face being found. */
function unmarked(pictures) {
  return pictures.length > 0 && section("The picture", plainFrame(pictures[0]));
}

/** The frame of the chosen moment, and the people, each a row with a timeline. */
function evidence(file, known, limits, pictures) {
  const moving = file.kind === "video";
  const frames = pictures.length ? viewer(pictures, moving, step) : null;
  const context = { moving, limits, pictures, duration: file.duration, thresholds: known.thresholds };
  const people = peopleRows(file.tracks, context, select);
  let chosen = { row: people.worst, look: people.worst.peak };

  function select(number, look) {
    chosen = { row: people.rows[number - 1], look };
    people.rows.forEach((row) => row.select(row === chosen.row ? look : null));
    frames?.show(number, look);
  }
  function step(by) {
    const looks = chosen.row.looks;
    const next = looks.indexOf(chosen.look) + by;
    select(chosen.row.number, looks[Math.min(Math.max(next, 0), looks.length - 1)]);
  }
  select(chosen.row.number, chosen.look);
  const help = "A person is one face through one shot. Points are the scores of single looks, the line is smoothed "
    + "over a second; in the middle band nothing is claimed of a look. Choose a moment with a click or the arrow keys.";
  return [
    frames && section(moving ? "The moment" : "The picture", frames.element),
    section(file.tracks.length > 1 ? `${file.tracks.length} people` : "One person",
      moving && html("p", { class: "soft small" }, help), people.content),
  ];
}

/** Everything about a job that has a verdict, as elements. */
export async function verdictView(job) {
  const file = job.verdict;
  const [known, meanings, pictures] = await Promise.all([
    readOnce("/v1/detectors"), readOnce("/v1/findings"),
    job.state === "done" ? read(`/v1/jobs/${job.id}/pictures`).catch(() => []) : []]);
  const notable = (file.provenance ?? []).filter(({ kind }) => meanings[kind]?.notable)
    .map(({ kind, said }) => sentence(`${meanings[kind].title}: ${said}`));
  const limits = (file.kind === "video" && known.thresholds.video) || known.thresholds;
  return [
    banner(file, limits, job.problem, notable),
    job.state === "done" && downloads(job),
    file.tracks.length ? evidence(file, known, limits, pictures) : unmarked(pictures),
    coverage(file),
    origin(file.provenance, meanings),
    fileFacts(job),
    aboutDetectors(),
  ].flat().filter(Boolean);
}
