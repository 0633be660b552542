// The scores of one person over time: a drawing that pointer and arrow keys walk through.

import { svg } from "./elements.js";
import { clock, during, minutes, percent } from "./words.js";

const HEIGHT = 118;
const EDGE = { left: 40, right: 18, top: 14, bottom: 24 };
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** Round seconds along the axis, no more than fit. */
function ticks(duration, width) {
  const step = STEPS.find((one) => (duration / one) * 72 <= width) ?? duration / 4;
  return Array.from({ length: Math.floor(duration / step + 1e-6) + 1 }, (_, i) => i * step);
}

/** Zones between the thresholds of a single look, axes and the seconds that look forged. */
function ground(person, { duration, thresholds }, x, y, width) {
  const right = width - EDGE.right;
  const band = (name, low, high) =>
    svg("rect", { class: `band ${name}`, x: EDGE.left, width: right - EDGE.left,
      y: y(high), height: y(low) - y(high) });
  const spans = person.forged.map((span) => {
    const from = x(span.start);
    return svg("rect", { class: "forged", rx: 2, x: from - 3, width: x(span.end) - from + 6,
      y: EDGE.top - 8, height: y(0) - EDGE.top + 8 },
      svg("title", {}, `Looks forged ${during(span)}`));
  });
  const levels = [0, 0.5, 1].map((level) => [
    svg("line", { class: "grid", x1: EDGE.left, x2: right, y1: y(level), y2: y(level) }),
    svg("text", { class: "tick end", x: EDGE.left - 6, y: y(level) + 4 }, `${100 * level} %`),
  ]);
  const seconds = ticks(duration, right - EDGE.left).map((at) => [
    svg("line", { class: "mark", x1: x(at), x2: x(at), y1: y(0), y2: y(0) + 4 }),
    svg("text", { class: "tick", x: x(at), y: HEIGHT - 6 },
      duration < 60 ? `${+at.toFixed(1)} s` : minutes(at)),
  ]);
  return [
    band("good", 0, thresholds.real_below),
    band("unsure", thresholds.real_below, thresholds.fake_from),
    band("bad", thresholds.fake_from, 1),
    spans, levels, seconds,
  ].flat(3);
}

/** A line for the smoothed scores, a point for the raw score of each look. */
function curve(looks, x, y) {
  const line = looks.filter((look) => look.smoothed !== null && look.smoothed !== undefined);
  const points = looks.map((look) =>
    svg("circle", { class: "look", cx: x(look.time), cy: y(look.score), r: 2.6 }));
  const path = line.map(({ time, smoothed }, i) => `${i ? "L" : "M"}${x(time)} ${y(smoothed)}`);
  return [svg("path", { class: "line", d: path.join("") }), ...points];
}

/** What a look says, to those who hear the page. */
export function lookInWords(look) {
  const smoothed = look.smoothed == null ? "" : `, ${percent(look.smoothed)} smoothed`;
  return `${clock(look.time)}: ${percent(look.score)} for this look${smoothed}`;
}

/**
 * The timeline of a person: a slider over the looks that got a score.
 *
 * `about` holds the duration in seconds and the thresholds of a single look; `onSelect` is called
 * with the look that somebody chose. `select(look)` moves the cursor without calling it.
 */
export function timeline(number, person, about, onSelect) {
  const looks = person.faces.filter((look) => look.score !== null);
  let chosen = 0;
  let x = () => 0;
  const cursor = svg("line", { class: "cursor", y1: EDGE.top - 8, y2: HEIGHT - EDGE.bottom });
  const dot = svg("circle", { class: "cursor", r: 5 });
  const y = (score) => EDGE.top + (1 - score) * (HEIGHT - EDGE.top - EDGE.bottom);
  const drawing = svg("svg", {
    class: "timeline", height: HEIGHT, role: "slider", tabindex: 0,
    "aria-label": `Moments of person ${number}`, "aria-valuemin": 1, "aria-valuemax": looks.length,
    onkeydown: walk, onpointerdown: point, onpointermove: (event) => event.buttons && point(event),
  });

  function draw() {
    const width = Math.max(drawing.clientWidth, 240);
    const scale = (width - EDGE.left - EDGE.right) / Math.max(about.duration, person.end, 1e-3);
    x = (seconds) => EDGE.left + seconds * scale;
    drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    drawing.replaceChildren(...ground(person, about, x, y, width), ...curve(looks, x, y), cursor, dot);
    place();
  }

  function place() {
    const look = looks[chosen];
    for (const name of ["x1", "x2"]) cursor.setAttribute(name, x(look.time));
    dot.setAttribute("cx", x(look.time));
    dot.setAttribute("cy", y(look.smoothed ?? look.score));
    drawing.setAttribute("aria-valuenow", chosen + 1);
    drawing.setAttribute("aria-valuetext", lookInWords(look));
  }

  function go(index) {
    chosen = Math.min(Math.max(index, 0), looks.length - 1);
    place();
    onSelect(looks[chosen]);
  }

  function walk(event) {
    const targets = {
      ArrowRight: chosen + 1, ArrowUp: chosen + 1, ArrowLeft: chosen - 1, ArrowDown: chosen - 1,
      PageUp: chosen + 5, PageDown: chosen - 5, Home: 0, End: looks.length - 1,
    };
    if (!(event.key in targets) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(targets[event.key]);
  }

  function point(event) {
    const at = event.clientX - drawing.getBoundingClientRect().left;
    const far = looks.map((look) => Math.abs(x(look.time) - at));
    go(far.indexOf(Math.min(...far)));
  }

  new ResizeObserver(draw).observe(drawing);
  draw();
  return {
    drawing,
    select(look) {
      const index = looks.indexOf(look);
      if (index >= 0) chosen = index;
      place();
    },
  };
}
