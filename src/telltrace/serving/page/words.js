// What the page says of a status, a flag, a number.

/** Of each status: its tone (a class of the style), its sign, and what it means in a few words. */
export const STATUSES = {
  FAKE: { tone: "bad", sign: "!", title: "A face looks forged" },
  REAL: { tone: "good", sign: "✓", title: "No face looks forged" },
  UNCERTAIN: { tone: "unsure", sign: "?", title: "Nothing is claimed either way" },
  NO_FACE: { tone: "none", sign: "–", title: "There is no face to judge" },
  FACE_TOO_SMALL: { tone: "none", sign: "–", title: "Faces are too small to be judged" },
  UNREADABLE: { tone: "none", sign: "×", title: "The file cannot be read" },
  UNSUPPORTED: { tone: "none", sign: "×", title: "Not a kind of file that can be judged" },
  TIMEOUT: { tone: "none", sign: "×", title: "It took too long to judge" },
};
const UNKNOWN = { tone: "none", sign: "–", title: "There is no verdict" };

/** What is said of a status, of one that this page does not know, too. */
export const describe = (status) => STATUSES[status] ?? UNKNOWN;

/** A status as a reader sees it. */
export const spoken = (status) => status.replaceAll("_", " ");

/** What makes a face or a file hard to judge, and what that means. */
export const FLAGS = {
  small: "smaller than the detector can judge: no score",
  blurred: "out of focus or moving",
  dark: "poorly lit",
  turned: "in profile, or tilted by more than 40 degrees",
  cut: "cut off by the edge of the picture",
  rotated: "the whole picture had to be turned for the face to be upright",
  compressed: "heavily compressed: what would be called REAL in such a picture is left UNCERTAIN",
};

export const STAGES = ["uploading", "waiting", "reading", "finding faces", "judging", "drawing"];

/** A share in percent, which no line break parts. */
export const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}\u00a0%`;

export const sentence = (text) =>
  text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";

export const counted = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** Minutes and seconds, and hours where there are any. */
export function minutes(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (parts[0] ? parts : parts.slice(1)).map((n) => `${n}`.padStart(2, "0")).join(":");
}

/** Seconds as one reads them beside a video. */
export const clock = (seconds) =>
  seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 2 : 1)} s` : minutes(seconds);

/** A stretch of time. */
export const stretch = ({ start, end }) =>
  clock(start) === clock(end) ? `at ${clock(start)}` : `${clock(start)} to ${clock(end)}`;

/** The same within a sentence. */
export const during = (span) => (clock(span.start) === clock(span.end) ? "" : "from ") + stretch(span);

/** A length of time in the unit that suits it, such as "10 minutes". */
export function spell(seconds) {
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(([, n]) => seconds >= n)
    ?? ["second", 1];
  return counted(+(seconds / length).toFixed(1), unit);
}

export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
  const amount = bytes / 1000 ** power;
  return `${+amount.toFixed(amount < 10 ? 1 : 0)} ${units[power]}`;
}

/** A moment as the reader's place writes it. */
export const moment = (iso) => (iso ? new Date(iso).toLocaleString() : "");
