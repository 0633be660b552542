"""With the detector of the package: verdicts of good and bad files, byte for byte a scan's."""

import io
import itertools
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from telltrace.batch import batch_scan
from telltrace.client import Client, ServiceError
from telltrace.inference import ScanSettings
from telltrace.serving import ServeSettings
from telltrace.serving.engines import prepare_engines

from .conftest import Running, serving


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = ServeSettings(
        data=tmp_path_factory.mktemp("service"),
        workers=1,
        max_megapixels=2,
        max_seconds=4,
        sync_seconds=1,
        time_limit=60,
        device="cpu",
        scan=ScanSettings(frames=12),
    )
    with serving(settings, prepare_engines(settings)) as service:
        assert service.service.judges.ready.wait(120)
        yield service


def png(width: int, height: int) -> bytes:
    """A picture that claims to be so large; its pixels are a few bytes of zeros."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000), 9)
    chunks = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def encoded(form: str, image: np.ndarray | None = None) -> bytes:
    content = io.BytesIO()
    Image.fromarray(astronaut() if image is None else image).save(content, form)
    return content.getvalue()


def test_the_verdicts_are_those_of_a_scan_byte_for_byte(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portrait = encoded("PNG")
    contents = {
        "broken.jpg": encoded("JPEG")[:20_000],
        "empty of faces.png": encoded("PNG", np.full((90, 120, 3), 90, np.uint8)),
        "page.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "portrait.png": portrait,
        "text.mp4": b"no video at all",
    }
    (tmp_path / "in").mkdir()
    for name, content in contents.items():
        (tmp_path / "in" / name).write_bytes(content)
    monkeypatch.chdir(tmp_path / "in")
    batch_scan(sorted(contents), tmp_path / "out", device="cpu", workers=1, frames=12)
    lines = (tmp_path / "out" / "verdicts.jsonl").read_text().splitlines()
    client = Client(running.url)
    for name, line in zip(sorted(contents), lines, strict=True):
        found = running.send(contents[name], f"/v1/scan?name={name.replace(' ', '%20')}")
        assert found.content.decode() == line
        assert client.scan(Path(name)) == json.loads(line)
        job = client.wait(client.submit(name)["id"], seconds=60)
        assert (job["state"], job["verdict"]) == ("done", json.loads(line))
    statuses = [json.loads(line)["status"] for line in lines]
    assert statuses == ["PARTIAL", "NO_FACE", "UNSUPPORTED", "REAL", "UNSUPPORTED"]


def test_a_video_is_drawn_and_reported_on(
    running: Running, tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    picture = astronaut()
    frames = [np.ascontiguousarray(picture[:300, 60 - i : 380 - i]) for i in range(20)]
    client, clip = Client(running.url), write_clip(tmp_path / "moving.mp4", frames)
    with pytest.raises(ServiceError, match="too long to wait for") as refused:
        client.scan(clip)
    assert refused.value.kind == "use-jobs"
    assert "/v1/jobs" in str(refused.value)
    seen = []
    job = client.wait(client.submit(clip)["id"], progress=lambda job: seen.append(job["progress"]))
    assert job["state"] == "done"
    assert {each["stage"] for each in seen} - {"waiting", "done"}
    pictures = running.ask("GET", f"/v1/jobs/{job['id']}/pictures").json
    assert len(pictures) == job["verdict"]["frames"]  # type: ignore[index]
    assert [entry["index"] for entry in pictures] == list(range(len(pictures)))
    assert all(a["time"] < b["time"] for a, b in itertools.pairwise(pictures))
    for view in ("frame", "marked", "map"):
        content = running.ask("GET", pictures[0][view]).content
        assert Image.open(io.BytesIO(content)).size == (320, 300) == tuple(pictures[0]["size"])
    face = job["verdict"]["tracks"][0]["faces"][0]  # type: ignore[index]
    assert pictures[0]["faces"][0]["box"] == face["box"]
    assert pictures[0]["faces"][0]["score"] == face["score"]
    report = client.report(job["id"]).decode()
    assert "Scan of moving.mp4" in report
    assert str(running.service.folders.root) not in report
    with zipfile.ZipFile(io.BytesIO(client.pictures(job["id"]))) as packed:
        assert packed.namelist() == [f"{n:02d}.jpg" for n in range(len(pictures))]
    client.delete(job["id"])
    with pytest.raises(ServiceError, match="no such job"):
        client.report(job["id"])


def test_bombs_are_refused_before_they_are_decoded(
    running: Running, tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    for width, height in ((2000, 2000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)):
        refused = running.send(png(width, height), "/v1/scan")
        assert (refused.status, refused.problem) == (422, "too-many-pixels")
    long = write_clip(tmp_path / "long.mp4", [np.zeros((64, 64, 3), np.uint8)] * 50)
    failed = running.finish(running.send(long.read_bytes()).json["id"])
    assert failed["problem"]["type"] == "/problems/too-long"
    assert failed["verdict"]["status"] == "UNSUPPORTED"


def test_what_a_file_is_follows_from_its_content_alone(running: Running) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    polyglots = {
        "page.html": encoded("JPEG") + b"<script>alert(1)</script>",
        "archive.zip": encoded("JPEG") + packed.getvalue(),
        "run.sh": encoded("JPEG"),
    }
    for name, content in polyglots.items():
        found = running.send(content, f"/v1/scan?name={name}", content_type="text/html")
        assert (found.json["status"], found.json["kind"]) == ("REAL", "image")
        assert found.headers["content-type"] == "application/json"
    playlist = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    concat = b"ffconcat version 1.0\nfile /etc/passwd\n"
    for hostile in (playlist, concat, b"GIF89a" + bytes(100), b"\xff\xd8\xff" + bytes(1000)):
        found = running.send(hostile, "/v1/scan")
        assert found.json["status"] in ("UNSUPPORTED", "UNREADABLE")
        assert "root:" not in found.content.decode()
