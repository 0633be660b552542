"""The page about one file: all of it inside, nothing in it that changes by itself."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from telltrace import cli
from telltrace.inference import Scanner
from telltrace.inference.page import scan_page


def test_a_video_gets_the_same_page_again(scanner: Scanner, clip: Path) -> None:
    first = scan_page(scanner.scan(clip), scanner)
    assert scan_page(scanner.scan(clip), scanner) == first
    assert hashlib.sha256(clip.read_bytes()).hexdigest() in first
    headings = re.findall("<h2>(.*?)</h2>", first)
    assert headings[:4] == ["Finding", "Timeline", "People", "The file"]
    assert first.count("data:image/png;base64,") == 1 + 4  # the frame, and four looks
    assert '<svg role="img"' in first
    width = re.search(r'viewBox="0 0 ([\d.]+) ', first)
    assert width is not None
    assert float(width[1]) <= 360  # points: letters of 10 stay 7 or more on a phone
    assert re.search(r"@media \(max-width: 40rem\) \{[^@]*attr\(data-column\)", first)
    assert not re.search(r'(src|href)="(?!data:|#)', first)
    assert str(clip.parent) not in first


def test_a_picture_has_no_timeline(
    scanner: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    Image.fromarray(astronaut).save(tmp_path / "a.png")
    text = scan_page(scanner.scan(tmp_path / "a.png"), scanner)
    assert "Timeline" not in text
    assert '<td data-column="person">1</td>' in text


def test_a_file_without_a_verdict_has_a_page_too(scanner: Scanner, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    text = scan_page(scanner.scan(tmp_path / "empty.png"), scanner)
    assert "UNREADABLE" in text
    assert "The file is empty (0 bytes)." in text
    gone = scan_page(scanner.scan(tmp_path / "gone.png"), scanner)
    assert "none: not a file that can be read" in gone


def test_the_command_writes_it(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [tmp_path / "a.html", tmp_path / "b" / "b.html"]
    for page in pages:
        code = cli.main(["scan", str(clip), "--report", str(page), "--format", "jsonl"])
        assert code == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert capsys.readouterr().out.count('"schema": "telltrace-scan/3"') == 2
