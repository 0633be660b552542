// Elements of the page, HTML and SVG: text is never read as markup.

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child || child === 0));
  return node;
}

/** An HTML element; attributes that begin with "on" are listeners, empty children are left out. */
export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element, likewise. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/** Names and values, one pair a line; pairs without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value || value === 0);
  return html("dl", {}, known.map(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
}

/** A section of the result under a heading. */
export function section(title, ...content) {
  const id = `part-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return html("section", { class: "card", "aria-labelledby": id }, html("h2", { id }, title), content);
}

/** What is folded away until somebody wants it. */
export function folded(title, ...content) {
  return html("details", {}, html("summary", {}, title), content);
}
