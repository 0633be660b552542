// One row a person: the verdict on that person alone, why, and when.

import { folded, html } from "./elements.js";
import { timeline } from "./timeline.js";
import { closeUp, nearest } from "./viewer.js";
import { FLAGS, clock, counted, describe, during, percent, sentence, spoken, stretch } from "./words.js";

const MOST = 12;

/** A status as a word in its colour, with its sign. */
export const chip = (status) =>
  html("span", { class: `chip ${describe(status).tone}` },
    html("span", { "aria-hidden": "true" }, describe(status).sign), spoken(status));

/** Where a score lies between 0 and 1, beside the thresholds that decide. */
export function scale(score, { real_below: low, fake_from: high }, label) {
  const widths = { good: low, unsure: high - low, bad: 1 - high };
  const zones = Object.entries(widths).map(([name, width]) => {
    const zone = html("span", { class: `zone ${name}` });
    zone.style.width = `${100 * width}%`;
    return zone;
  });
  const needle = html("span", { class: "needle" });
  needle.style.left = `${100 * score}%`;
  return html("div", { class: "scale", role: "img", "aria-label": label }, zones, needle);
}

const VERDICTS = ["REAL", "UNCERTAIN", "FAKE"];
const suspicion = (person) => Math.max(person.score ?? -1, person.stretch?.score ?? -1);

/** The places of the people of a file in its tracks, the one who decides the verdict first. */
export function bySuspicion(tracks) {
  const order = (person) => VERDICTS.indexOf(person.status);
  return [...tracks.keys()].sort((a, b) =>
    order(tracks[b]) - order(tracks[a]) || suspicion(tracks[b]) - suspicion(tracks[a]));
}

/** Whether a stretch of seconds, and not all looks together, decides about a person. */
export const byStretch = (person) => person.stretch !== null && person.throughout !== "FAKE"
  && person.stretch.score > person.score;

/** Why a person got the status, in sentences. */
function why(person, moving) {
  const reasons = {
    FACE_TOO_SMALL: "too small to be judged: no score",
    REAL: "does not look forged",
    FAKE: moving && person.throughout !== "FAKE" ? "looks forged for a stretch" : "looks forged",
    UNCERTAIN: "the score lies where the detector is often wrong",
  };
  let said = reasons[person.status] ?? "";
  if (person.status === "UNCERTAIN" && person.conflict) {
    said = "the detectors contradict each other too much";
  } else if (person.status === "UNCERTAIN" && person.stretch && person.throughout !== "FAKE") {
    said = `suspicious ${during(person.stretch)}, and too little so to claim anything`;
  } else if (person.status === "UNCERTAIN" && person.throughout === "REAL") {
    said = "looks real, as more forgeries do in files like this";
  } else if (person.status === "UNCERTAIN" && person.throughout === "FAKE") {
    said = "looks forged, as too many real ones do in files like this";
  }
  return [said, person.disagreement].filter(Boolean).map(sentence).join(" ");
}

/** A ratio as people write it, by its decimal logarithm. */
function ratio(logarithm) {
  const number = 10 ** Math.abs(logarithm);
  const text = number < 9.95 ? number.toFixed(1) : Math.round(number).toLocaleString("en");
  return logarithm >= 0 || text === "1.0" ? text : `1/${text}`;
}

/** A probability that is never rounded to certainty. */
function chance(share) {
  return share < 0.999 ? `${+share.toPrecision(3)}` : `1 - ${+(1 - share).toPrecision(1)}`;
}

/** What the score is worth as evidence, and how often such files were misjudged. */
function evidence({ status, likelihood, errors = "" }) {
  const said = likelihood && `Likelihood ratio ${ratio(likelihood.log10_lr)}: ${likelihood.words} `
    + `(kept between ${ratio(likelihood.low)} and ${ratio(likelihood.high)}).`;
  const after = likelihood?.posterior != null
    && `A prior of ${chance(likelihood.prior)} becomes a probability of ${chance(likelihood.posterior)}.`;
  const misjudged = status === "FAKE" ? errors : errors.replace("called FAKE", "called forged");
  return [said, after, misjudged].filter(Boolean).join(" ");
}

/** What stands below the name of a person: the scores, and when the person was seen. */
function summary(person, moving) {
  return [
    person.score !== null && `Score ${percent(person.score)}${moving ? " by all looks" : ""}`,
    byStretch(person) && `${percent(person.stretch.score)} ${during(person.stretch)}`,
    moving && `seen ${during(person)}`,
    moving && counted(person.faces.length, "look"),
  ].filter(Boolean).join(" · ");
}

/** The seconds that look forged, each a button that leads there. */
function flagged(person, go) {
  if (!person.forged.length) return null;
  const far = (look, span) => Math.abs(look.time - span.peak_time);
  const buttons = person.forged.map((span) => {
    const at = person.faces.reduce((a, b) => (far(b, span) < far(a, span) ? b : a));
    const words = `${stretch(span)}, ${percent(span.peak)} at most`;
    return html("li", {}, html("button", { type: "button", class: "moment", onclick: () => go(at) }, words));
  });
  return html("div", { class: "flagged" }, html("h4", {}, "Seconds that look forged"), html("ul", {}, buttons));
}

/** The looks as a table: the timeline for those who do not see it. */
function lookTable(person) {
  const names = ["time", "this look", "smoothed", "hard to judge"];
  const score = (value) => (value === null || value === undefined ? "none" : percent(value));
  const rows = person.faces.map((look) =>
    [clock(look.time), score(look.score), score(look.smoothed), look.quality.join(", ")]);
  const table = html("table", {},
    html("thead", {}, html("tr", {}, names.map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, rows.map((row) => html("tr", {}, row.map((cell) => html("td", {}, cell))))));
  return folded(`All ${counted(rows.length, "look")} as a table`,
    html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Looks" }, table));
}

/** The face of a person from near, as a button that shows the most suspicious look. */
function portrait(number, peak, { pictures }, go) {
  const kept = pictures.length ? nearest(pictures, peak.time, number) : null;
  const face = kept?.faces.find((each) => each.person === number);
  const label = `Show person ${number}`;
  return html("button", { type: "button", class: "portrait", "aria-label": label, onclick: () => go(peak) },
    face ? closeUp(kept.frame, face.box, kept.size, "") : html("span", { class: "soft small" }, "no picture"));
}

/** The words and the scale of one person. */
function about(number, person, { moving, limits }) {
  const between = `${percent(limits.real_below)} to ${percent(limits.fake_from)}`;
  const hard = person.quality.map((flag) => FLAGS[flag] ?? flag).join("; ");
  return html("div", { class: "about" },
    html("div", { class: "row" }, html("h3", { id: `person-${number}` }, `Person ${number}`), chip(person.status)),
    html("p", { class: "soft small" }, summary(person, moving)),
    person.score !== null
      && scale(person.score, limits, `${percent(person.score)}; nothing is claimed from ${between}`),
    html("p", {}, why(person, moving)),
    evidence(person) && html("p", { class: "small" }, evidence(person)),
    hard && html("p", { class: "small" }, html("strong", {}, "Hard to judge: "), hard, "."));
}

/** The row of one person; its `select(look)` marks it, or nothing of it. */
function row(number, person, context, onSelect) {
  const go = (look) => onSelect(number, look);
  const scored = person.faces.filter((look) => look.score !== null);
  const height = (look) => (look.score ?? -1) + (look.smoothed ?? 0);
  const peak = person.faces.reduce((a, b) => (height(b) > height(a) ? b : a));
  const line = context.moving && scored.length > 1 ? timeline(number, person, context, go) : null;
  const kind = `person ${describe(person.status).tone} ${context.moving ? "moving" : ""}`;
  const element = html("article", { class: kind, "aria-labelledby": `person-${number}` },
    portrait(number, peak, context, go),
    about(number, person, context),
    context.moving && html("div", { class: "when" }, line?.drawing, flagged(person, go), lookTable(person)));
  return { number, person, peak, element, looks: scored.length ? scored : person.faces,
    select(look) {
      element.classList.toggle("chosen", Boolean(look));
      if (look) line?.select(look);
    } };
}

/**
 * The people of a file in the order of their numbers; of more than twelve the most suspicious.
 *
 * `context`: whether it is moving, its duration in seconds, thresholds of a look, limits of a
 * person, pictures. `onSelect(number, look)` is told what somebody chose.
 */
export function peopleRows(tracks, context, onSelect) {
  const rows = tracks.map((person, i) => row(i + 1, person, context, onSelect));
  const worst = bySuspicion(tracks).map((place) => rows[place]);
  const rest = worst.slice(MOST);
  const hide = (hidden) => rest.forEach(({ element }) => { element.hidden = hidden; });
  hide(true);
  const more = rest.length > 0 && html("button", { type: "button", class: "quiet", onclick: (event) => {
    hide(false);
    event.target.remove();
  } }, `Show ${rest.length} more with lower scores`);
  return { rows, worst: worst[0], content: [...rows.map(({ element }) => element), more] };
}
