"""A run that is killed, again and again, ends with the bytes of one that never was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from telltrace.data import Prepared
from telltrace.data.cropping import crop_media
from telltrace.data.datasets.folder import read_folder
from telltrace.faces.align import FaceCrop
from telltrace.faces.media import Sampling

SCRIPT = '''
import os, random, signal, sys, time
from telltrace.data.datasets.folder import read_folder
from telltrace.data.cropping import crop_media
from telltrace.faces.align import FaceCrop
from telltrace.faces.media import Sampling


def run(media, out, workers):
    listed, crop, sampling = read_folder(media), FaceCrop(64), Sampling("spread", 4)
    return crop_media(listed, out, crop, sampling, workers=workers)


def finished(out):
    return sum("faces.json" in names for _, _, names in os.walk(out))  # folders may vanish


def kill_at_random(media, out, kills):
    """Start, kill after a random number of finished media and a random wait, so many times."""
    chance = random.Random(5)
    for _ in range(kills):
        done = finished(out)
        target = done + chance.randint(0, 1)
        child = os.fork()
        if child == 0:
            run(media, out, 0)
            os._exit(0)
        while finished(out) < target:
            if os.waitpid(child, os.WNOHANG)[0]:
                return
        time.sleep(chance.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("killed at", finished(out), flush=True)


if __name__ == "__main__":
    media, out, mode = sys.argv[1:]
    if mode == "kills":
        kill_at_random(media, out, 8)
    run(media, out, 2 if mode == "workers" else 0)
'''


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("script") / "run.py"
    file.write_text(SCRIPT)
    return file


@pytest.fixture(scope="module")
def reference(media_folder: Path, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("uninterrupted")
    finish(media_folder, out)
    return contents(out)


def finish(media: Path, out: Path) -> Prepared:
    crop, sampling = FaceCrop(64), Sampling("spread", 4)
    return crop_media(read_folder(media), out, crop, sampling, workers=0)


def contents(out: Path) -> dict[str, bytes]:
    """Every file below ``out``; failures.csv from its second column on, as paths differ."""
    files = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    lines = files["failures.csv"].splitlines()
    files["failures.csv"] = b"\n".join(line.split(b",", 1)[1] for line in lines)
    return files


def test_killed_eight_times(script: Path, media_folder: Path, reference, tmp_path: Path) -> None:
    command = [sys.executable, script, media_folder, tmp_path, "kills"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.count("killed at") >= 4
    assert contents(tmp_path) == reference


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_of_several_processes_leaves_none_behind(
    script: Path, media_folder: Path, reference, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, str(script), str(media_folder), str(tmp_path), "workers"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_heed_interrupts,
    )
    while process.poll() is None and not _finished(tmp_path):
        time.sleep(0.01)
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    deadline = time.monotonic() + 30
    while _group_lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group_lives(process.pid)
    assert not (tmp_path / "manifest.csv").exists()
    assert finish(media_folder, tmp_path).reused >= 1
    assert contents(tmp_path) == reference


def _heed_interrupts() -> None:
    """A job in the background of a shell starts with interrupts ignored, and hands that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _finished(out: Path) -> int:
    return sum("faces.json" in names for _, _, names in os.walk(out))


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
