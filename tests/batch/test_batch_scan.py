import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from telltrace.batch.journal import Answer, Journal, read_results, write_results
from telltrace.batch.scan import JOURNAL, _locked, run_batch
from telltrace.errors import OutputError
from telltrace.inference import Verdict
from telltrace.inference.formats import COLUMNS


@dataclass
class Said:
    """A verdict that tells what was in the file."""

    path: Path
    text: str

    @property
    def seconds(self) -> dict[str, float]:
        return {"read": time.monotonic()}

    def to_dict(self) -> dict[str, Any]:
        named = {"path": str(self.path), "status": "REAL", "verdict": "REAL", "score": 0.25}
        return {**named, "reason": self.text}


class Reader:
    """A scanner that does what a file tells it to."""

    def scan(self, path: Path) -> Said:
        text = path.read_text()
        if text == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if text == "hang":
            time.sleep(1000)
        if text == "memory":
            raise MemoryError
        if text.startswith("slow"):
            time.sleep(0.05)
        return Said(path, text)


def fill(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def scan(*sources: Path | str, out: Path, **options: Any) -> Any:
    options = {"workers": 2, **options}
    settings = options.pop("settings", {"detector": "reader"})
    return run_batch([str(source) for source in sources], out, Reader, settings, **options)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]


def test_whatever_a_file_does_every_file_gets_its_status(tmp_path: Path) -> None:
    texts = {f"f{i}": f"text {i}" for i in range(8)}
    texts |= {"f2": "crash", "f4": "hang", "f5": "memory"}
    folder = fill(tmp_path / "in", **texts)
    (folder / "f6").write_bytes(b"\xff\xfe")
    (folder / "f7").unlink()
    (folder / "f7").symlink_to("f7")
    out = tmp_path / "out"
    done = scan(folder, out=out, time_limit=2)
    found = lines(out)
    assert [line["path"] for line in found] == [str(folder / f"f{i}") for i in range(8)]
    statuses = ["REAL", "REAL", "UNREADABLE", "REAL", "TIMEOUT", *["UNREADABLE"] * 3]
    assert [line["status"] for line in found] == statuses
    assert "the decoder crashed (SIGSEGV)" in found[2]["reason"]
    assert "not judged within 2 s" in found[4]["reason"]
    assert "UnicodeDecodeError" in found[6]["reason"]
    assert all(line["reason"] and line["remedy"] for line in found if line["status"] != "REAL")
    assert done.summary["statuses"] == {"REAL": 3, "TIMEOUT": 1, "UNREADABLE": 4}
    assert done.summary["lost"] == {"crash": 2, "error": 2, "timeout": 1}
    assert json.loads((out / "summary.json").read_text()) == done.summary
    with (out / "verdicts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["status"]) for row in rows] == [
        (line["path"], line["status"]) for line in found
    ]

    (folder / "f2").write_text("fixed")
    again = scan(folder, out=out, retry=True, time_limit=2)
    assert again.reused == 3
    assert [line["reason"] for line in lines(out)][2] == "fixed"


SCRIPT = """
import sys
from batch_by_script import scan
if __name__ == "__main__":
    scan(sys.argv[1], out=__import__("pathlib").Path(sys.argv[2]))
"""


def test_killed_half_way_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    texts = {f"f{i:03d}": f"slow {i}" for i in range(60)} | {"f030": "crash"}
    folder = fill(tmp_path / "in", **texts)
    (tmp_path / "batch_by_script.py").write_text(Path(__file__).read_text())
    (tmp_path / "run.py").write_text(SCRIPT)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    scan(folder, out=whole)
    command = [sys.executable, str(tmp_path / "run.py"), str(folder), str(killed)]
    process = subprocess.Popen(command)
    while process.poll() is None and _count(killed / JOURNAL) < 30:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "verdicts.jsonl").exists()
    with (killed / JOURNAL).open("ab") as file:
        file.write(b'{"index":59,"lost":"","verdict":{"path":"torn')
    done = scan(folder, out=killed)
    assert 30 <= done.reused < 60
    for name in ("verdicts.jsonl", "verdicts.csv"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert _count(killed / JOURNAL) == 60
    assert scan(folder, out=killed).reused == 60


def _count(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_a_folder_of_other_settings_or_another_run_is_refused(tmp_path: Path) -> None:
    folder, out = fill(tmp_path / "in", a="a"), tmp_path / "out"
    scan(folder, out=out)
    with pytest.raises(ValueError, match=r"other settings \(detector was 'reader', is 'other'\)"):
        scan(folder, out=out, settings={"detector": "other"})
    (out / "scan.json").unlink()
    with pytest.raises(ValueError, match=r"a journal but no scan\.json"):
        scan(folder, out=out)
    (out / "scan.json").write_text("{}")
    with pytest.raises(ValueError, match="not of this version"):
        scan(folder, out=out)
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        scan(folder, out=out, workers=0)
    with pytest.raises(ValueError, match='engine must be "process" or "ray"'):
        scan(folder, out=out, engine="thread")


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    folder, out = fill(tmp_path / "in", a="a"), tmp_path / "out"

    def scan_within() -> Reader:
        with pytest.raises(ValueError, match="another scan is writing here"):
            scan(folder, out=out)
        raise KeyError("seen")

    with _locked(_made(out)), pytest.raises(KeyError):
        scan_within()
    assert scan(folder, out=out).files == 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_files_that_come_later_are_added_at_the_end(tmp_path: Path) -> None:
    folder, out = fill(tmp_path / "in", b="b", d="d"), tmp_path / "out"
    scan(folder, out=out)
    fill(folder, a="a", c="c")
    (folder / "d").unlink()
    done = scan(folder, out=out)
    assert (done.files, done.reused) == (4, 2)
    assert [Path(line["path"]).name for line in lines(out)] == ["b", "d", "a", "c"]


def test_names_that_are_no_text_or_break_lines_come_through(tmp_path: Path) -> None:
    names = [b"two\nlines", b"\xff raw", "ü,\"'".encode()]
    (tmp_path / "in").mkdir()
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/" + name)).write_text("text")
    out = tmp_path / "out"
    scan(tmp_path / "in", out=out)
    found = [os.fsencode(line["path"]) for line in lines(out)]
    assert sorted(os.path.basename(path) for path in found) == sorted(names)  # noqa: PTH119
    with (out / "verdicts.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_a_journal_passes_over_what_a_power_cut_has_spoilt(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal = Journal(file, 4)
    for index in (2, 0, 3):
        journal.add(Answer(index, {"path": str(index)}))
    journal.add(Answer(1, {"path": "1"}, "timeout"))
    journal.close()
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(whole[0] + b"\0" * 30 + b"\n" + whole[2] + whole[3] + whole[1][:-5])
    journal = Journal(file, 4)
    assert [answer.index for answer in journal] == [1, 2, 3]
    assert 0 not in journal
    journal.add(Answer(0, {"path": "again"}))
    journal.add(Answer(1, {"path": "newer"}))
    assert [answer.verdict["path"] for answer in journal] == ["again", "newer", "2", "3"]
    journal.close()
    file.write_bytes(b"".join(whole))
    with closing(Journal(file, 4, retry=True)) as journal:
        assert journal.done == 3


def test_a_disk_that_is_full_is_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    file.touch()
    journal = Journal(file, 1)
    journal.close()
    said = r"cannot be written \(No space left.*Make room, then run the same command"
    journal._handle = FileIO("/dev/full", "ab")
    with pytest.raises(OutputError, match=said):
        journal.add(Answer(0, {}))
    journal._handle.close()
    assert 0 not in journal


def test_results_that_fail_half_way_leave_the_old_ones(tmp_path: Path) -> None:
    write_results([Answer(0, {"path": "a", "status": "REAL"})], {}, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    bad = [Answer(0, {"path": "b", "status": "FAKE"}), Answer(1, {"path": "no status"})]
    with pytest.raises(KeyError):
        write_results(bad, {}, tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


Build = Callable[[], Reader]


def test_what_the_scanner_needs_can_be_bound(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", a="a")
    build: Build = partial(Reader)
    done = run_batch([str(folder)], tmp_path / "out", build, {}, workers=1)
    assert str(done).startswith("1 files (0 from an earlier run): 1 REAL; ")


OLD = Path(__file__).parents[1] / "contract" / "files_of_0_1"


def test_a_folder_of_version_0_1_is_read_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is scanned again: the scanner here cannot even be made."""
    out = tmp_path / "out"
    shutil.copytree(OLD / "scan_folder", out)
    before = list(read_results(out))
    (tmp_path / "scanned").mkdir()
    for verdict in before:
        (tmp_path / verdict["path"]).touch()
    monkeypatch.chdir(tmp_path)
    settings = json.loads((out / "scan.json").read_text())["settings"]
    monkeypatch.setattr("telltrace.batch.scan.VERSION", settings.pop("telltrace"))
    done = run_batch(["scanned"], out, no_scanner, settings)
    assert (done.files, done.reused) == (4, 4)
    for old, new in zip(before, read_results(out), strict=True):
        assert {name: new[name] for name in old} == old
    with (OLD / "scan_folder" / "verdicts.csv").open(newline="") as file:
        assert set(next(csv.reader(file))) < set(COLUMNS)


def no_scanner() -> Reader:
    raise AssertionError("a file was scanned again")


def holds(new: Any, old: Any) -> bool:
    """Whether everything of the old values is in the new ones, which may say more."""
    if isinstance(old, dict):
        return old.keys() <= new.keys() and all(holds(new[key], old[key]) for key in old)
    if isinstance(old, list):
        return len(old) == len(new) and all(map(holds, new, old))
    return bool(new == old)


def test_verdicts_of_version_0_1_are_read() -> None:
    lines = [json.loads(line) for line in (OLD / "verdicts.jsonl").read_text().splitlines()]
    document = json.loads((OLD / "verdicts.json").read_text())["files"]
    for values in (*lines, *document):
        read = Verdict.from_dict(values).to_dict()
        assert holds(read, {name: values[name] for name in values if name in read})
        assert read["sha256"] is None
    assert len(lines) == len(document) == 4
