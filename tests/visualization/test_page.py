import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from telltrace.visualization.page import embed_png, facts, figure, note, page, svg, table

VOID = {"meta", "img", "br", "hr", "link"}


class Reader(HTMLParser):
    """Every tag with its attributes; tags that are not closed in order are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def drawing(height: float = 1.0) -> Figure:
    chart = Figure(figsize=(3, 2))
    axes = chart.subplots()
    axes.plot([0, 1], [0, height], marker="o", label="a < b")
    axes.legend()
    return chart


def whole() -> str:
    body = table(["set", "AUC"], [["<all>", "0.5"]], caption="One") + facts({"a": "<b>"})
    pictures = figure(svg(drawing(), alt="rising"), "Below") + figure(svg(drawing(2.0)))
    picture = embed_png(np.full((4, 6, 3), 7, np.uint8), alt="grey", width=3)
    sections = [("Same", body), ("Same", pictures), ("§", picture + note("x"))]
    return page("A & B", sections, lead="<p>Lead.</p>")


def test_a_page_is_well_formed_and_loads_nothing() -> None:
    text = whole()
    reader = Reader(text)
    for tag, attributes in reader.tags:
        assert tag not in {"script", "link", "iframe"}
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/png;base64,"))
    assert not re.search(r"https?://|@import|url\((?!#)", text)


def test_links_lead_somewhere_and_names_are_given_once() -> None:
    reader = Reader(whole())
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for _, a in reader.tags if (a.get("href") or "").startswith("#")}
    assert {"same", "same-2", "section"} <= targets <= set(ids)


def test_the_same_content_gives_the_same_bytes() -> None:
    assert whole() == whole()
    assert svg(drawing()) != svg(drawing(2.0))


def test_texts_cannot_become_tags() -> None:
    text = whole()
    assert "&lt;all&gt;" in text
    assert "&lt;b&gt;" in text
    assert "a &lt; b" in text
    assert "<all>" not in text


def test_a_picture_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    data = re.search(r"base64,([^\"]+)", embed_png(pixels))
    assert data is not None
    with Image.open(BytesIO(base64.b64decode(data[1]))) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="A row of 1 cells stands under 2 columns"):
        table(["a", "b"], [["x"]])
