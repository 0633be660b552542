"""A page of `telltrace.visualization.page` as a PDF: the same words and pictures, on paper.

It takes reportlab (extra ``pdf``). The same page gives the same bytes: no date and no random mark
is in them.
"""

import base64
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import matplotlib

from telltrace.errors import DependencyError

WIDTH: Final = 469.0
"""Points that a line of an A4 page has."""
MARGIN: Final = 57.0
SCALE: Final = 0.5
"""Points of one pixel of a picture, as far as the page is wide enough."""
SIZES: Final = {"h1": 17, "h2": 13, "h3": 10.5, "p": 9.5, "cell": 7.5, "caption": 8}
TONES: Final = {"bad": "#96210f", "good": "#14603c", "unsure": "#6d4900"}
SOFT: Final = "#5c6670"
PASSED_OVER: Final = frozenset({"style", "title", "nav", "svg"})
TEXTS: Final = frozenset({"h1", "h2", "h3", "p", "dt", "dd", "th", "td", "caption", "figcaption"})


def page_to_pdf(page: str) -> bytes:
    """The bytes of a PDF with the content of a page.

    Drawings must be PNG: `svg` is passed over. Without reportlab it is a DependencyError.
    """
    try:
        from reportlab.platypus import SimpleDocTemplate
    except ImportError:
        raise DependencyError("a PDF takes reportlab", extra="pdf") from None
    _use_fonts()
    reader, out = _Reader(), BytesIO()
    reader.feed(page)
    edges = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN)
    document = SimpleDocTemplate(
        out, pagesize=(595.0, 842.0), title=reader.title, author="telltrace", invariant=1, **edges
    )
    document.build(reader.story, onFirstPage=_number, onLaterPages=_number)
    return out.getvalue()


def _use_fonts() -> None:
    """DejaVu, which comes with matplotlib and has most of the world's letters."""
    from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in (("Body", "DejaVuSans.ttf"), ("Body-Bold", "DejaVuSans-Bold.ttf")):
        registerFont(TTFont(name, str(folder / file)))
    registerFontFamily("Body", normal="Body", bold="Body-Bold", italic="Body", boldItalic="Body")


def _number(canvas: Any, document: Any) -> None:
    canvas.setFont("Body", 7)
    canvas.drawRightString(595.0 - MARGIN, MARGIN / 2, f"page {document.page}")


class _Reader(HTMLParser):
    """Turns the tags that our pages have into what reportlab lays out."""

    def __init__(self) -> None:
        super().__init__()
        self.story: list[Any] = []
        self.title = ""
        self._text: list[str] = []
        self._tone = ""
        self._hidden = 0
        self._rows: list[list[Any]] = []
        self._figures: list[list[Any]] | None = None
        """Of a row of pictures; None outside of one."""
        self._figure: list[Any] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        self._hidden += tag in PASSED_OVER
        if tag in TEXTS:
            self._text, self._tone = [], about.get("class", "")
        elif tag in ("table", "dl"):
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag == "figure":
            self._figure = []
        elif tag == "div" and about.get("class") == "pictures":
            self._figures = []
        elif tag == "img":
            self._add(_picture(about.get("src", ""), self._figures is not None))

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in PASSED_OVER
        if tag in TEXTS:
            self._end_text(tag, " ".join("".join(self._text).split()))
        elif tag in ("table", "dl"):
            self.story += _table(self._rows, tag == "dl")
        elif tag == "figure" and self._figure is not None:
            figure, self._figure = self._figure, None
            if self._figures is None:
                self._end_figure(figure)
            else:
                self._figures.append(figure)
        elif tag == "div" and self._figures is not None:
            self.story += _beside_each_other(self._figures)
            self._figures = None

    def _add(self, what: Any) -> None:
        (self.story if self._figure is None else self._figure).append(what)

    def _end_figure(self, figure: list[Any]) -> None:
        """Keep a heading on the page of the picture below it."""
        from reportlab.platypus import CondPageBreak

        if figure and len(self.story) > 1 and isinstance(self.story[-2], CondPageBreak):
            self.story[-2] = _room(60 + getattr(figure[0], "drawHeight", 0))
        self.story += figure

    def _end_text(self, tag: str, text: str) -> None:
        if tag == "h1":
            self.title = text
        if tag == "dt":
            self._rows.append([_words(text, "cell", colour=SOFT)])
        elif tag in ("dd", "td", "th"):
            self._rows[-1].append(_words(text, "cell", bold=tag == "th"))
        elif text:
            kind = "caption" if "caption" in tag else tag
            if tag in ("h2", "h3"):
                self._add(_room(90))
            colour = SOFT if kind == "caption" else TONES.get(self._tone, "#000000")
            self._add(_words(text, kind, bold=tag[0] == "h" or self._tone in TONES, colour=colour))


def _room(points: float) -> Any:
    """A new page, unless so much of this one is left."""
    from reportlab.platypus import CondPageBreak

    return CondPageBreak(points)


def _words(text: str, kind: str, *, bold: bool = False, colour: str = "#000000") -> Any:
    """A paragraph of plain text; letters without a break are broken where the line ends."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    size, heading = SIZES[kind], kind.startswith("h")
    style = ParagraphStyle(
        kind,
        fontName="Body-Bold" if bold else "Body",
        fontSize=size,
        leading=1.35 * size,
        textColor=colour,
        spaceBefore=size if heading else 0,
        spaceAfter=0 if kind == "cell" else 5,
        splitLongWords=1,
    )
    return Paragraph(escape(text, quote=False), style)


def _picture(source: str, small: bool) -> Any:
    """A PNG out of the page, no wider than the page or than a row of small ones allows."""
    from reportlab.platypus import Image

    image = Image(BytesIO(base64.b64decode(source.partition("base64,")[2])))
    width, height = image.imageWidth, image.imageHeight
    most = WIDTH / 3 - 12 if small else WIDTH
    scale = min(SCALE, most / width, 420 / height)
    image.drawWidth, image.drawHeight, image.hAlign = width * scale, height * scale, "LEFT"
    return image


def _table(rows: list[list[Any]], facts: bool) -> list[Any]:
    """Names and values, or a table whose first row is repeated on each page."""
    from reportlab.platypus import LongTable, Spacer

    if not rows:
        return []
    widths = [0.3 * WIDTH, 0.7 * WIDTH] if facts else _widths(rows)
    look: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 1 if facts else 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1 if facts else 3),
    ]
    if not facts:
        look.append(("LINEBELOW", (0, 0), (-1, -1), 0.4, "#bbbbbb"))
    table = LongTable(
        rows, colWidths=widths, style=look, repeatRows=0 if facts else 1, splitInRow=1
    )
    table.hAlign = "LEFT"
    return [table, Spacer(0, 6)]


def _widths(rows: list[list[Any]]) -> list[float]:
    """Of columns: the longest word of each, and of what is left more where there is more text."""
    columns = [[cell.getPlainText() for cell in column] for column in zip(*rows, strict=True)]
    words = [
        max((len(w) for cell in column for w in cell.split()), default=0) for column in columns
    ]
    least = [min(5.2 * word + 6, WIDTH / len(columns)) for word in words]
    weights = [min(max(map(len, column)), 40) + 1 for column in columns]
    left = WIDTH - sum(least)
    return [w + left * more / sum(weights) for w, more in zip(least, weights, strict=True)]


def _beside_each_other(figures: list[list[Any]]) -> list[Any]:
    """Small pictures with their captions, three in a row."""
    from reportlab.platypus import Table

    look = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
    rows = [figures[i : i + 3] for i in range(0, len(figures), 3)]
    return [
        Table([[*row, *[""] * (3 - len(row))]], colWidths=[WIDTH / 3] * 3, style=look)
        for row in rows
    ]
