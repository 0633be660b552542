// What stands below a verdict: the file, the detector, and what may be downloaded.

import { facts, folded, html, section } from "./elements.js";
import { readOnce, save } from "./service.js";
import { clock, moment, size, spoken } from "./words.js";

/** A value of any shape, as text. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (value === true || value === false) return value ? "yes" : "no";
  if (!value || typeof value !== "object") return `${value ?? ""}`;
  return Object.entries(value).map(([name, one]) => `${spoken(name)} ${plain(one)}`).join("; ");
}

/** A value of any shape, as content of the page: several sentences become a list. */
function shown(value) {
  const sentences = Array.isArray(value) && value.filter((one) => typeof one === "string");
  if (!sentences || sentences.length < 2) return plain(value);
  return html("ul", { class: "plain" }, sentences.map((one) => html("li", {}, one)));
}


const named = (name) => spoken(name)[0].toUpperCase() + spoken(name).slice(1);

/** What the file says of its origin, each finding with what it means and does not mean. */
export function origin(findings, meanings) {
  if (!findings?.length) return null;
  const entry = ({ kind, said }) => {
    const { title = kind, means, does_not_mean: not, notable } = meanings[kind] ?? {};
    return html("li", { class: notable ? "notable" : "" },
      html("h3", {}, named(title)), html("p", {}, said),
      means && folded("How to read it", facts([["It means", means], ["It does not mean", not]])));
  };
  return section("Provenance",
    html("p", { class: "soft small" },
      "What the file says of its origin, beside its pixels. It is no part of the score."),
    html("ul", { class: "findings" }, findings.map(entry)));
}

/** The file: hash, size, times. */
export function fileFacts({ file, verdict, created, finished, expires }) {
  return section("The file", facts([
    ["Name", file.name],
    ["SHA-256", html("code", {}, file.sha256)],
    ["Kind", verdict.kind],
    ["Size", size(file.bytes)],
    ["Pixels", verdict.size?.join(" × ")],
    ["Duration", verdict.kind === "video" && clock(verdict.duration)],
    ["Received", moment(created)],
    ["Judged", moment(finished)],
    ["Kept", expires && `verdict and pictures until ${moment(expires)}`],
  ]));
}

const DETECTOR = { trained_on: "Trained on", weaknesses: "Weak where", calibrated_on: "Calibrated on",
  real_below: "Pictures REAL below", fake_from: "Pictures FAKE from", terms: "Terms of the weights",
  sha256: "SHA-256", backend: "Computed by" };

/** What the detectors learnt from and where they are weak, folded away. */
export function aboutDetectors() {
  const place = html("div", {}, html("p", { class: "soft" }, "Reading …"));
  const part = folded("What it was trained on, and where it is weak", place);
  part.addEventListener("toggle", async () => {
    try {
      const known = await readOnce("/v1/detectors");
      place.replaceChildren(...known.detectors.flatMap((one) => [
        html("h3", {}, one.name),
        facts(Object.entries(one).filter(([name, value]) => name !== "name" && value?.length !== 0)
          .map(([name, value]) => [DETECTOR[name] ?? named(name), shown(value)])),
      ]), facts([["telltrace", known.telltrace], ["Settings", plain(known.settings)]]));
    } catch (error) {
      place.replaceChildren(html("p", { class: "note" }, error.message));
    }
  }, { once: true });
  return section("The detector", part);
}

/** Buttons that save what there is of a judged file. */
export function downloads(job) {
  const name = (job.file?.name ?? job.id).replace(/\.[^.]*$/, "");
  const json = new Blob([JSON.stringify(job.verdict, null, 2)], { type: "application/json" });
  const base = `/v1/jobs/${job.id}`;
  const all = [
    ["Report", `${name}.html`, `${base}/report?download=1`],
    ["Verdict as JSON", `${name}.json`, json],
    job.verdict.tracks.length > 0 && ["Marked pictures", `${name}.zip`, `${base}/pictures.zip`],
  ];
  const failed = html("p", { class: "note", role: "alert", hidden: true });
  const buttons = all.filter(Boolean).map(([title, file, content]) =>
    html("button", { type: "button", onclick: () => save(file, content).catch((error) => {
      failed.textContent = error.message;
      failed.hidden = false;
    }) }, title));
  return html("div", { class: "downloads", role: "group", "aria-label": "Downloads" }, buttons, failed);
}
