"""A page that needs nothing but itself: HTML with its style and its pictures inside.

It fetches nothing, runs no script, follows the reader's dark or light setting and prints. The
same content gives the same bytes.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from io import BytesIO, StringIO
from typing import Final, NamedTuple

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from telltrace.errors import OptionError
from telltrace.files import text_sha256

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What the reader's browser may load: nothing but what is in the file."""


class Link(NamedTuple):
    """A cell of a table that leads to another page."""

    text: str
    href: str


def page(title: str, sections: Sequence[tuple[str, str]], *, lead: str = "") -> str:
    """One HTML document, ready to be written to a file.

    Sections are heading and body. Title and headings are plain text; bodies, and the ``lead``
    between title and list of sections, are HTML as the other functions here make it.

    Examples:
        >>> text = page("Scan of a & b", [("Verdicts", paragraph("None was <fake>."))])
        >>> "<title>Scan of a &amp; b</title>" in text, "None was &lt;fake&gt;." in text
        (True, True)
    """
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    anchors = _anchors([heading for heading, _ in sections])
    links = "".join(
        f'<li><a href="#{anchor}">{escape(heading)}</a></li>'
        for anchor, (heading, _) in zip(anchors, sections, strict=True)
    )
    body = "".join(
        f'<section id="{anchor}">\n<h2>{escape(heading)}</h2>\n{content}\n</section>\n'
        for anchor, (heading, content) in zip(anchors, sections, strict=True)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(title)}</h1>\n{lead}\n<nav><ul>{links}</ul></nav>\n</header>\n"
        f"<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _anchors(headings: Sequence[str]) -> list[str]:
    """A name for each heading; equal headings get different ones."""
    found: list[str] = []
    for heading in headings:
        name = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "section"
        again = sum(re.fullmatch(rf"{name}(-\d+)?", other) is not None for other in found)
        found.append(f"{name}-{again + 1}" if again else name)
    return found


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def note(text: str) -> str:
    """A paragraph of plain text that stands out."""
    return f'<p class="note">{escape(text)}</p>'


def facts(pairs: Mapping[str, object]) -> str:
    """Names and values, one pair a line."""
    lines = (f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in pairs.items())
    return f"<dl>{''.join(lines)}</dl>"


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", texts: int = 1
) -> str:
    """A table of plain text and links; the first ``texts`` columns stand left, others right."""
    for row in rows:
        if len(row) != len(columns):
            raise OptionError(f"A row of {len(row)} cells stands under {len(columns)} columns.")

    def cells(tag: str, row: Sequence[object]) -> str:
        kinds = ["" if i < texts else ' class="number"' for i in range(len(row))]
        names = [f' data-column="{escape(str(c))}"' if tag == "td" else "" for c in columns]
        return "".join(
            f"<{tag}{kind}{name}>{_cell(cell)}</{tag}>"
            for kind, name, cell in zip(kinds, names, row, strict=True)
        )

    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    head = f"<thead><tr>{cells('th', columns)}</tr></thead>"
    return f'<div class="scroll"><table>{above}{head}<tbody>\n{body}</tbody></table></div>'


def _cell(content: object) -> str:
    if isinstance(content, Link):
        return f'<a href="{escape(content.href)}">{escape(content.text)}</a>'
    return escape(str(content))


def figure(content: str, caption: str = "") -> str:
    """What :func:`svg` or :func:`embed_png` gave, with a caption in plain text below."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{content}{below}</figure>"


def embed_png(
    image: NDArray[np.uint8] | Image.Image, *, alt: str = "", width: int | None = None
) -> str:
    """A picture inside the page: RGB or grey, as a PIL image or uint8 (H, W, 3) or (H, W).

    ``alt`` says what is to be seen; ``width`` is in CSS pixels, by default its own.
    """
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    content = BytesIO()
    picture.save(content, format="PNG", optimize=True)
    data = base64.b64encode(content.getvalue()).decode()
    size = "" if width is None else f' width="{width}"'
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}"{size}>'


def drawn_png(drawing: Figure, *, alt: str = "") -> str:
    """A matplotlib figure inside the page as a picture, for readers that draw no SVG."""
    content = BytesIO()
    drawing.savefig(content, format="png", dpi=200, metadata={"Software": None})
    return embed_png(Image.open(content), alt=alt)


def svg(drawing: Figure, *, alt: str = "") -> str:
    """A matplotlib figure inside the page, sharp at any size, its letters as text, transparent.

    The same figure gives the same bytes; names within it are made the page's own, so that several
    figures stand side by side.
    """
    content = StringIO()
    letters = {"svg.hashsalt": "telltrace", "svg.fonttype": "none"}
    with matplotlib.style.context(["default", letters]):
        drawing.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    text = content.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    own = f"f{text_sha256(text)[:8]}-"
    text = re.sub(r' id="', f' id="{own}', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{own}", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1).strip()
