// One frame with its faces, and the chosen face from near beside where the detector sees a paste.

import { html, svg } from "./elements.js";
import { picture } from "./service.js";
import { clock, counted, percent } from "./words.js";

const VIEWS = { marked: "Faces", plain: "Picture", map: "Map" };
const MARGIN = 0.35;

/** The picture that is nearest to a moment, of those that show a person if any does. */
export function nearest(pictures, time, person) {
  const showing = pictures.filter((one) => one.faces.some((face) => face.person === person));
  const far = (one) => Math.abs((one.time ?? 0) - time);
  return (showing.length ? showing : pictures).reduce((a, b) => (far(b) < far(a) ? b : a));
}

/** The square about a box, with a margin, as an SVG view box. */
function around([left, top, right, bottom]) {
  const side = Math.max(right - left, bottom - top) * (1 + 2 * MARGIN);
  return `${(left + right - side) / 2} ${(top + bottom - side) / 2} ${side} ${side}`;
}

/** A picture of the service, drawn into the frame's own pixels (width, height). */
function drawn(path, [width, height]) {
  const image = svg("image", { width, height, preserveAspectRatio: "none" });
  picture(path).then((address) => image.setAttribute("href", address), () => image.classList.add("missing"));
  return image;
}

/** One face from near; `path` is a picture of its frame, of `frame` pixels. */
export function closeUp(path, box, frame, label) {
  const named = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return svg("svg", { class: "close", viewBox: around(box), ...named }, drawn(path, frame));
}

function boxes(faces, chosen, [width, height]) {
  const unit = Math.max(width, height) / 100;
  return faces.map(({ person, box: [left, top, right, bottom] }) => {
    const kind = person === chosen ? "box chosen" : "box";
    const above = top > 4 * unit ? top - unit : bottom + 3.4 * unit;
    return [
      svg("rect", { class: kind, x: left, y: top, width: right - left, height: bottom - top, rx: unit / 3 }),
      svg("text", { class: kind, x: left, y: above, "font-size": 2.8 * unit }, `Person ${person}`),
    ];
  }).flat();
}

/** A frame as it is. */
export function plainFrame({ frame, size }) {
  const shape = { class: "frame", viewBox: `0 0 ${size.join(" ")}` };
  return html("div", { class: "stage plain" },
    svg("svg", { ...shape, role: "img", "aria-label": "The frame" }, drawn(frame, size)));
}

/** The colours of a map, from 0 to 1. */
const legend = () =>
  html("div", { class: "legend" }, html("span", {}, "0"), html("span", { class: "heat" }), html("span", {}, "1"),
    html("span", {}, "where the detector sees a paste; no reason of the score alone"));

/** A viewer of the kept pictures of a file; `show` shows one, `onStep(by)` asks for another. */
export function viewer(pictures, moving, onStep) {
  const stage = html("div", { class: "stage" });
  const near = html("div", { class: "near" });
  const caption = html("p", { class: "caption", "aria-live": "polite" });
  const withMaps = pictures.some((one) => one.map);
  let view = "marked";
  let shown = null;

  const choices = Object.entries(VIEWS).filter(([name]) => withMaps || name !== "map").map(([name, title]) => {
    const chosen = () => {
      view = name;
      draw();
    };
    const about = { type: "radio", name: "view", value: name, checked: name === view };
    return html("label", {}, html("input", { ...about, onchange: chosen }), html("span", {}, title));
  });
  const step = (by, title, sign) =>
    html("button", { type: "button", class: "quiet", "aria-label": title, onclick: () => onStep(by) }, sign);

  function draw() {
    const { one, person, look } = shown;
    const face = one.faces.find((each) => each.person === person);
    const path = (view === "map" && one.map) || one.frame;
    const when = moving ? ` at ${clock(one.time)}` : "";
    stage.replaceChildren(svg("svg", {
      class: "frame", viewBox: `0 0 ${one.size.join(" ")}`, role: "img",
      "aria-label": `The frame${when}, ${counted(one.faces.length, "face")} marked`,
    }, drawn(path, one.size), view === "plain" ? [] : boxes(one.faces, person, one.size)));
    const seen = { "The face": one.frame, "Where a paste is seen": one.map };
    near.replaceChildren(...Object.entries(face ? seen : {}).filter(([, path]) => path).map(([title, path]) =>
      html("figure", {}, closeUp(path, face.box, one.size, `${title}, person ${person}${when}`),
        html("figcaption", {}, title))));
    caption.textContent = said(one, person, look, face).join(" · ");
  }

  /** What is shown, in words; a moment whose picture was not kept is said to be so. */
  function said(one, person, look, face) {
    const score = face?.score ?? look?.score ?? null;
    const other = moving && look && Math.abs(one.time - look.time) > 1e-3;
    return [
      moving ? `Person ${person} at ${clock(one.time)}` : `Person ${person}`,
      score === null ? "no score" : `${percent(score)} for this ${moving ? "look" : "face"} alone`,
      other && `the kept picture nearest to ${clock(look.time)}`,
    ].filter(Boolean);
  }

  return {
    element: html("div", { class: "viewer" }, stage,
      html("div", { class: "beside" },
        html("div", { class: "row" },
          html("fieldset", { class: "segments" }, html("legend", { class: "hidden" }, "Show"), choices),
          moving && html("div", { class: "row tight" },
            step(-1, "Earlier moment", "‹"), step(1, "Later moment", "›"))),
        caption, near, withMaps && legend())),
    show(person, look) {
      shown = { one: nearest(pictures, look.time, person), person, look };
      draw();
    },
  };
}
