"""A seal holds until a part of the statement changes, whichever it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from telltrace.errors import OptionError
from telltrace.evidence.frames import frame_hashes
from telltrace.evidence.seal import PARTS, check_seal, read_report, seal

STATEMENT: dict[str, Any] = {
    "file": {"name": "a.mp4", "sha256": "ab"},
    "frames": [{"index": 3, "time": 0.12, "sha256": "cd"}],
    "verdict": {"status": "FAKE", "score": 0.912345},
    "detectors": [],
    "settings": {"frames": 36},
    "versions": {"telltrace": "1"},
}


def test_a_seal_survives_being_written_down(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(seal(STATEMENT), indent=1))
    assert all(check.agrees for check in check_seal(read_report(path)))


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_part_is_named(part: str) -> None:
    report = seal(STATEMENT)
    report[part] = [*report[part], {"index": 1}] if part in ("frames", "detectors") else {"x": 1}
    wrong = [check.name for check in check_seal(report) if not check.agrees]
    assert wrong == [f"report: {part}"]
    report["hashes"] = seal({name: report[name] for name in PARTS})["hashes"]
    assert [check.name for check in check_seal(report) if not check.agrees] == ["seal"]


def test_what_is_added_is_named() -> None:
    wrong = [c for c in check_seal({**seal(STATEMENT), "note": 1}) if not c.agrees]
    assert [check.said for check in wrong] == ["states what is not sealed: note"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 200_000,
        '{"schema": "telltrace-seal/1"}',
        "\ud800".encode("utf-8", "ignore"),
    ],
)
def test_a_file_that_is_no_report_is_refused(text: Any, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(OptionError, match=r"r.json: is no report of telltrace-seal/1"):
        read_report(path)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("frames", [{"index": 10**30}]),
        ("frames", [{"index": -1}]),
        ("frames", [7]),
        ("frames", [{"index": float("inf")}]),
        ("frames", [{"index": "3"}]),
        ("frames", [{"index": 3.5}]),
        ("detectors", [None]),
        ("verdict", {"score": "high"}),
        ("verdict", {"provenance": [{}]}),
        ("verdict", {"provenance": [3]}),
    ],
)
def test_a_report_of_other_types_is_refused_though_sealed(
    part: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(seal({**STATEMENT, part: value})))
    with pytest.raises(OptionError, match="is no report"):
        read_report(path)


def test_frames_of_a_video_and_of_its_copy_in_another_container_are_the_same(
    material: Any, tmp_path: Path
) -> None:
    import av

    path, copy = material.write_video(tmp_path / "a.mp4"), tmp_path / "b.mkv"
    with av.open(str(path)) as before, av.open(str(copy), "w") as after:
        stream = before.streams.video[0]
        out = after.add_stream_from_template(stream)
        for packet in before.demux(stream):
            if packet.size:
                packet.stream = out
                after.mux(packet)
    hashes = frame_hashes(path, [0, 5, 11])
    assert sorted(hashes) == [0, 5, 11]
    assert len(set(hashes.values())) == 3
    assert frame_hashes(copy, [0, 5, 11]) == hashes
    assert frame_hashes(path, [5]) == {5: hashes[5]}
