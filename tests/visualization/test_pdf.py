"""A page as a PDF: the same bytes for the same page, all its words in it, nothing from outside."""

import re
import sys

import numpy as np
import pytest

from telltrace.errors import DependencyError
from telltrace.visualization import page as html
from telltrace.visualization.pdf import page_to_pdf

reportlab = pytest.importorskip("reportlab", reason="a PDF takes reportlab")


def example(rows: int = 3, extra: str = "") -> str:
    picture = html.embed_png(np.full((40, 60, 3), 200, np.uint8), alt="grey")
    small = "".join(html.figure(picture, f"look {n}") for n in range(5))
    body = html.note("Beside <the> score.") + html.facts({"SHA-256": "ab" * 32, "Name": extra})
    body += html.table(["a", "b"], [[n, "word " * 20] for n in range(rows)], caption="Numbers")
    body += html.figure(picture, "a frame") + f'<div class="pictures">{small}</div>'
    lead = '<p class="bad" style="x"><strong>FAKE</strong></p>'
    return html.page("Scan of a & b", [("Finding", body)], lead=lead)


def pages(data: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", data))


def test_the_same_page_gives_the_same_bytes() -> None:
    first = page_to_pdf(example())
    assert first.startswith(b"%PDF-")
    assert page_to_pdf(example()) == first
    assert page_to_pdf(example(extra="other")) != first
    assert pages(first) == 1


def test_a_long_table_goes_on_over_pages() -> None:
    assert pages(page_to_pdf(example(rows=150))) > 3


def test_no_page_is_empty_before_a_long_table() -> None:
    short, long = html.table(["a"], [[1]] * 30), html.facts({f"fact {n}": n for n in range(70)})
    assert pages(page_to_pdf(html.page("t", [("s", short)]))) == 1
    assert pages(page_to_pdf(html.page("t", [("s", short), ("l", long)]))) == 3


def test_a_row_longer_than_a_page_is_parted() -> None:
    page = html.page("t", [("s", html.table(["a"], [["word " * 5000]]))])
    assert pages(page_to_pdf(page)) > 2


def test_pictures_are_in_it_and_no_address() -> None:
    data = page_to_pdf(example())
    assert b"/Subtype /Image" in data
    assert b"/URI" not in data


def test_letters_of_other_scripts_and_drawings_do_not_stop_it() -> None:
    page = html.page(
        "Пример 例 \U0001f600", [("s", "<svg><text>x</text></svg>" + html.paragraph("y"))]
    )
    assert page_to_pdf(page).startswith(b"%PDF-")


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reportlab.platypus", None)
    with pytest.raises(DependencyError, match=r"pip install 'telltrace\[pdf\]'"):
        page_to_pdf(example())


def test_a_drawing_becomes_a_picture() -> None:
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(2, 1))
    drawing.subplots().plot([0, 1])
    first = html.drawn_png(drawing, alt="a < b")
    assert first == html.drawn_png(drawing, alt="a < b")
    assert 'alt="a &lt; b"' in first
