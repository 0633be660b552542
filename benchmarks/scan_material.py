"""What the benchmarks of scans of many files are made of: clips, damaged files, memory watched."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.data import astronaut

from telltrace.faces.media import Status
from telltrace.inference import FaceVerdict, TrackVerdict, Verdict, find_paths

Change = Callable[[bytearray, np.random.Generator, list[bytes]], bytes]
VIDEOS: Final = {
    "mp4": ("libx264", "mp4"),
    "mkv": ("libx264", "matroska"),
    "avi": ("mpeg4", "avi"),
    "webm": ("libvpx", "webm"),
}
PICTURES: Final = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "AVIF"}
EXTREMES: Final = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00" * 4)


def pictures(frames: int, size: tuple[int, int], seed: int = 0) -> list[NDArray[np.uint8]]:
    """A face that wanders, (H, W, 3) each."""
    rng, (height, width) = np.random.default_rng(seed), size
    photograph = np.asarray(Image.fromarray(astronaut()).resize((2 * width, 2 * width)))
    tint = rng.uniform(0.8, 1.2, 3)
    left, top = int(rng.integers(width // 3, width // 2)), int(rng.integers(0, width // 16 + 1))
    steps = (width // 4 * np.sin(np.arange(frames) / 20)).astype(int)
    cuts = [photograph[top : top + height, left + s : left + s + width] for s in steps]
    return [np.clip(cut * tint, 0, 255).astype(np.uint8) for cut in cuts]


def write_clip(path: Path, frames: list[NDArray[np.uint8]], kind: str = "mp4") -> Path:
    """Frames as a video of 25 a second."""
    codec, container = VIDEOS[kind]
    bare = {"fflags": "+bitexact"}  # no random marks and no time of writing
    with av.open(str(path), "w", format=container, container_options=bare) as out:
        # x264's other presets give other bytes now and then
        steady = {"preset": "ultrafast"} if codec == "libx264" else {}
        stream = out.add_stream(codec, rate=25, options=steady)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 1_000_000
        stream.thread_count = 1  # the same bytes each time
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def _flip(data: bytearray, rng: np.random.Generator, _: list[bytes], head: bool = False) -> bytes:
    reach = min(len(data), 512) if head else len(data)
    for place in rng.integers(0, reach, 10 ** int(rng.integers(0, 4))):
        data[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(data)


def _truncate(data: bytearray, rng: np.random.Generator, _: list[bytes]) -> bytes:
    return bytes(data[: int(rng.integers(1, len(data)))])


def _swap_head(data: bytearray, rng: np.random.Generator, others: list[bytes]) -> bytes:
    size = int(rng.choice([4, 16, 64, 512]))
    return others[int(rng.integers(len(others)))][:size] + bytes(data[size:])


def _exaggerate(data: bytearray, rng: np.random.Generator, _: list[bytes]) -> bytes:
    for place in rng.integers(0, min(len(data), 4096) - 4, 4):
        data[place : place + 4] = EXTREMES[int(rng.integers(4))]
    return bytes(data)


def _move(data: bytearray, rng: np.random.Generator, _: list[bytes]) -> bytes:
    a, b, c = sorted(rng.integers(0, len(data), 3))
    return bytes(data[:a] + data[b:c] + data[a:b] + data[b:] * int(rng.integers(0, 2)))


def _blank(data: bytearray, rng: np.random.Generator, _: list[bytes]) -> bytes:
    a, b = sorted(rng.integers(0, len(data), 2))
    data[a:b] = bytes(b - a)
    return bytes(data)


def _noise(data: bytearray, rng: np.random.Generator, _: list[bytes]) -> bytes:
    return bytes(data[: int(rng.integers(0, 64))]) + rng.bytes(int(rng.integers(1, 5000)))


CHANGES: Final[dict[str, Change]] = {
    "bits": _flip,
    "headbits": partial(_flip, head=True),
    "truncated": _truncate,
    "headswap": _swap_head,
    "extremes": _exaggerate,
    "moved": _move,
    "blanked": _blank,
    "noise": _noise,
}


def make_corpus(folder: Path, files: int, seed: int = 0) -> list[Path]:
    """Damaged media of every kind, one in ten of them no damaged file but an odd thing.

    A file depends on ``seed`` and its number alone. The kind of damage begins its name.
    """
    folder.mkdir(parents=True)
    sound = _sound_media(folder / ".sound")
    heads = [data for _, data in sound]
    return [_make_one(folder, number, seed, sound, heads) for number in range(files)]


def _sound_media(folder: Path) -> list[tuple[str, bytes]]:
    folder.mkdir()
    media = []
    for kind in VIDEOS:
        clip = write_clip(folder / f"clip.{kind}", pictures(12, (120, 160)), kind)
        media.append((kind, clip.read_bytes()))
    for kind, form in PICTURES.items():
        Image.fromarray(pictures(1, (240, 320))[0]).save(folder / f"face.{kind}", format=form)
        media.append((kind, (folder / f"face.{kind}").read_bytes()))
    return media


def _make_one(
    folder: Path, number: int, seed: int, sound: list[tuple[str, bytes]], heads: list[bytes]
) -> Path:
    rng = np.random.default_rng((seed, number))
    kind, data = sound[number % len(sound)]
    if number % 10 == 9:
        return _odd_thing(folder, number // 10, kind, data)
    change = list(CHANGES)[number // len(sound) % len(CHANGES)]
    path = folder / f"{change}_{number:05d}.{kind}"
    path.write_bytes(CHANGES[change](bytearray(data), rng, heads))
    return path


def _odd_thing(folder: Path, number: int, kind: str, data: bytes) -> Path:
    """An empty file, a link, a pipe, a folder, or a sound file with a strange name."""
    what = ("empty", "gone", "loop", "pipe", "link", "lines", "bytes", "long", "folder", "dash")
    odd = what[number % len(what)]
    name = {
        "lines": f"lines_{number}\nsecond\r\nthird.{kind}",
        "bytes": os.fsdecode(b"bytes_%d_\xff\xfe\x80." % number) + kind,
        "long": f"long_{number:05d}_{'x' * 230}.{kind}",
        "dash": f"dash_{number}_-f '\"$(x)`.{kind}",
    }.get(odd, f"{odd}_{number:05d}.{kind}")
    path = folder / name
    if odd == "empty":
        path.touch()
    elif odd == "pipe":
        os.mkfifo(path)
    elif odd in ("gone", "loop", "link"):
        targets = {"gone": "nowhere.mp4", "loop": name, "link": f".sound/clip.{kind}"}
        path.symlink_to(targets[odd])
    elif odd == "folder":
        path.with_name(f"links_{number}").symlink_to(folder)
        return path.with_name(f"links_{number}")
    else:
        path.write_bytes(data)
    return path


class Instant:
    """A scanner that answers at once, at the length of a video with one person."""

    def scan(self, path: Path) -> Verdict:
        """No look at the file."""
        faces = [
            FaceVerdict(
                status=Status.REAL,
                score=0.123456,
                smoothed=0.123456,
                frame=100 + i,
                time=4.0 + i,
                box=(100.1, 100.1, 200.2, 200.2),
                confidence=0.9999,
            )
            for i in range(36)
        ]
        track = TrackVerdict(status=Status.REAL, score=0.123456, faces=tuple(faces))
        return Verdict(path=path, status=Status.REAL, verdict=Status.REAL, tracks=(track,))


class Use:
    """The most that this process and those below it held, in MiB: `watch` fills it in."""

    driver = 0.0
    largest_worker = 0.0
    together = 0.0
    """Shared pages counted once."""
    processor = 0.0
    """Processor seconds of all, but for what ended within a second of its beginning."""


@contextmanager
def watch(every: float = 0.5) -> Iterator[Use]:
    """Look at this process and all below it until the block ends."""
    use, over = Use(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(use, over, every), daemon=True)
    watcher.start()
    try:
        yield use
    finally:
        over.set()
        watcher.join()


def _watch(use: Use, over: threading.Event, every: float) -> None:
    before = {process: _processor(process) for process in family(os.getpid())}
    spent: dict[int, float] = {}
    last = False
    while not last:
        last = over.wait(every)
        ours = family(os.getpid())
        spent |= {process: _processor(process) or spent.get(process, 0.0) for process in ours}
        use.processor = sum(spent.values()) - sum(before[p] for p in before if p in spent)
        held = {process: held_by(process) for process in ours}
        own = held.pop(os.getpid(), 0.0)
        use.driver = max(use.driver, own)
        use.largest_worker = max([use.largest_worker, *held.values()])
        use.together = max(use.together, own + sum(held.values()))


def _processor(process: int) -> float:
    """Processor seconds of a process, 0 if it has gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def held_by(process: int) -> float:
    """MiB of a process; pages that several share are divided among them."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def family(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    family = [root]
    for process in family:
        family += parents.get(process, [])
    return family


def load() -> str:
    """How busy the machine is, for the record."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {time.strftime('%F %R')}"


def make_photos(folder: Path, media: Path | None, number: int) -> Path:
    """JPEGs of 1200 x 900 pixels, each with a face."""
    folder.mkdir()
    found = [Path(path) for path in find_paths([str(media)])][:number] if media else []
    for i in range(number):
        face = Image.open(found[i % len(found)]) if found else Image.fromarray(astronaut())
        page = Image.new("RGB", (1200, 900), (110, 120, 130))
        page.paste(face.convert("RGB").resize((900, 900), Image.Resampling.BICUBIC), (150, 0))
        page.save(folder / f"{i:05d}.jpg", quality=90)
    return folder
