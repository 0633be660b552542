"""What a file says of its origin stands beside its verdict, and never changes it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from telltrace.evidence.findings import MEANINGS, Finding
from telltrace.faces.media import Status
from telltrace.inference import Scanner, Verdict
from telltrace.inference.formats import to_text
from telltrace.inference.page import scan_page

PARAMETERS = "a face\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"


def tagged() -> PngImagePlugin.PngInfo:
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", PARAMETERS)
    text.add_text("Software", "Adobe Photoshop 25.1")
    return text


def test_the_same_pixels_get_the_same_verdict_whatever_the_file_says(
    scanner: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    picture = Image.fromarray(astronaut)
    picture.save(tmp_path / "plain.png")
    picture.save(tmp_path / "tagged.png", pnginfo=tagged())
    plain, marked = (scanner.scan(tmp_path / f"{name}.png") for name in ("plain", "tagged"))
    assert {one.kind for one in marked.provenance} >= {"generator.tag", "editor.tag"}
    assert {one.kind for one in plain.provenance} == {"c2pa.absent"}
    assert plain.score is not None
    same = {"path": plain.path, "sha256": plain.sha256, "provenance": plain.provenance}
    assert replace(marked, **same) == plain


def test_a_picture_without_a_face_has_findings_all_the_same(
    scanner: Scanner, tmp_path: Path
) -> None:
    path = tmp_path / "grey.png"
    Image.new("RGB", (300, 200), "grey").save(path, pnginfo=tagged())
    found = scanner.scan(path)
    assert found.status == Status.NO_FACE
    assert "generator.tag" in {one.kind for one in found.provenance}
    said = to_text([found], scanner)
    assert "Generator's tag: PNG parameters as Stable Diffusion web UI writes it" in said
    assert "No manifest" not in said


def test_bytes_have_findings_and_pixels_in_memory_have_none(
    scanner: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    Image.fromarray(astronaut).save(tmp_path / "a.png", pnginfo=tagged())
    found = scanner.scan((tmp_path / "a.png").read_bytes())
    assert "generator.tag" in {one.kind for one in found.provenance}
    assert scanner.scan(astronaut).provenance == ()


def test_sound_is_said_to_be_not_examined(
    scanner: Scanner, clip: Path, tmp_path: Path, write_clip: Any
) -> None:
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(clip)) as before, av.open(str(path), "w") as after:
        source = before.streams.video[0]
        pictures = after.add_stream_from_template(source)
        voice = after.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        silence.sample_rate = 16000
        for packet in before.demux(source):
            if packet.size:
                packet.stream = pictures
                after.mux(packet)
        after.mux(voice.encode(silence))
        after.mux(voice.encode(None))
    found = scanner.scan(path)
    assert "Not examined: 1 audio track." in to_text([found], scanner)
    assert found.score == scanner.scan(clip).score


def test_findings_are_read_back_and_the_page_says_what_they_mean(
    scanner: Scanner, tmp_path: Path
) -> None:
    path = tmp_path / "grey.png"
    Image.new("RGB", (64, 64)).save(path, pnginfo=tagged())
    found = scanner.scan(path)
    assert Verdict.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    text = scan_page(found, scanner)
    for one in found.provenance:
        assert MEANINGS[one.kind].does_not_mean.replace("'", "&#x27;") in text
    later = replace(found, provenance=(Finding("of.later", "<b>"),))
    assert "&lt;b&gt;" in scan_page(later, scanner)


def test_a_list_of_signers_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trust must name a PEM file"):
        Scanner(trust=str(tmp_path / "none.pem"))


def test_the_documentation_lists_every_kind() -> None:
    page = Path(__file__).parents[2] / "docs" / "custody.md"
    rows = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith("| `")]
    listed = {row[0].strip("| `"): (row[1], row[2].removesuffix(" |")) for row in rows}
    assert listed == {k: (how.means, how.does_not_mean) for k, how in MEANINGS.items()}
