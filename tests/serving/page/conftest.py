"""A browser, and a service that answers what a test tells it, without a network."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from telltrace.evidence.findings import MEANINGS
from telltrace.faces.media import Status
from telltrace.inference.places import PlaceMap
from telltrace.inference.timeline import Span, Stretch
from telltrace.inference.verdict import FaceVerdict, TrackVerdict, Verdict
from telltrace.serving.guard import POLICY

PAGE = Path(__file__).parents[3] / "src" / "telltrace" / "serving" / "page"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
BASE = "http://service.test"
ID = "0" * 31


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, or any that is installed, without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    path = next(filter(None, found), None)
    if path is None:
        pytest.skip("no Chromium is installed (on Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """``open_page(url, width=1280, dark=False, serve=None)``; what it must not do fails the test.

    It must ask nobody else for anything, and write no error to the console.
    """
    contexts, faults = [], list[str]()

    def open_one(url: str, width: int = 1280, dark: bool = False, serve: Any = None) -> Any:
        size = {"width": width, "height": 844 if width < 600 else 900}
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport=size, color_scheme=scheme, accept_downloads=True, has_touch=width < 600
        )
        contexts.append(context)
        own = (url, "blob:", "data:")
        context.on("request", lambda r: r.url.startswith(own) or faults.append(f"asked {r.url}"))
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.on("console", lambda m: m.type == "error" and faults.append(m.text))
        if serve is not None:
            context.route("**/*", serve)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(url + "/")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults


def look(time: float, score: float | None, box: tuple[float, ...] = (60, 40, 160, 160)) -> Any:
    """What is said of one face at a moment."""
    status = Status.FACE_TOO_SMALL if score is None else Status.UNCERTAIN
    places = np.linspace(0, score or 0, 144).reshape(12, 12).astype(np.float32)
    seen = None if score is None else PlaceMap.of(places)
    return FaceVerdict(
        status=status, score=score, smoothed=score, frame=round(25 * time), time=time,
        box=tuple(map(float, box)), confidence=0.999, map=seen,
    )  # fmt: skip


def person(status: str, scores: list[float | None], **more: Any) -> TrackVerdict:
    """A person through ten seconds, or in a picture where there is one score alone."""
    times = np.linspace(0, 9.5, len(scores)) if len(scores) > 1 else [0.0]
    left = more.pop("left", 60)
    faces = [
        look(float(t), s, (left, 40, left + 100, 160)) for t, s in zip(times, scores, strict=True)
    ]
    known = [score for score in scores if score is not None]
    score = more.pop("score", float(np.mean(known)) if known else None)
    return TrackVerdict(
        status=Status(status), score=score, faces=tuple(faces),
        throughout=more.pop("throughout", Status(status)), **more,
    )  # fmt: skip


def judged(status: str, *tracks: TrackVerdict, **more: Any) -> dict[str, Any]:
    """The plain data of a verdict on a video, or on a picture of people with one look each."""
    moving = any(len(track.faces) > 1 for track in tracks)
    known = [track.score for track in tracks if track.score is not None]
    values = {
        "path": Path("interview.mp4"), "status": Status(status), "reason": "says why",
        "remedy": "Do this", "kind": "video" if moving else "image", "size": (320, 240),
        "duration": 10.0 if moving else 0.0, "frames": 20 if moving else 1,
        "frames_with_face": 20 if moving else 1, "tracks": tracks, "sha256": "a" * 64,
        "score": max(known, default=None), "verdict": Status(status) if known else None,
    }  # fmt: skip
    return Verdict(**{**values, **more}).to_dict()


FORGED = person(
    "FAKE", [0.1, 0.12, 0.2, 0.91, 0.95, 0.9, 0.15, 0.1, 0.12, 0.1], throughout=Status.REAL,
    score=0.22, forged=(Span(3.167, 5.278, 0.95, 4.222),), stretch=Stretch(3.167, 5.278, 0.93),
)  # fmt: skip
BESIDE = person("REAL", [0.05] * 10, left=200, quality=("dark",))


@dataclass
class Service:
    """Answers of a service, by path; each upload becomes the job that is told here."""

    verdict: dict[str, Any] | None = field(default_factory=lambda: judged("FAKE", FORGED, BESIDE))
    stages: tuple[tuple[str, float], ...] = ()
    problem: dict[str, Any] | None = None
    key: str | None = None
    asked: list[str] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)
    """Names of files by the jobs' ids."""
    limit: int = 1_000_000
    busy: int = 0
    """Uploads that are refused before one is taken."""

    def __call__(self, route: Any) -> None:
        """Answer a request of the page."""
        request, path = route.request, route.request.url.removeprefix(BASE).split("?")[0]
        self.asked.append(f"{request.method} {path}")
        held = self.key and path.startswith(("/v1/jobs", "/v1/detectors"))
        if held and request.headers.get("authorization") != f"Bearer {self.key}":
            return _answer(route, {"title": "The key is wrong"}, 401)
        if not path.startswith("/v1/"):
            file = PAGE / (Path(path).name or "index.html")
            headers = {"content-type": TYPES[file.suffix], "content-security-policy": POLICY}
            return route.fulfill(body=file.read_bytes(), headers=headers)
        return self._api(route, path, request.method)

    def _api(self, route: Any, path: str, method: str) -> None:
        fixed = {
            "/v1/limits": {"max_bytes": self.limit, "max_seconds": 600, "keep_seconds": 3600},
            "/v1/examples": [
                {"name": "one", "title": "A drawing", "picture": "/v1/examples/one.jpg"}
            ],
            "/v1/findings": {kind: one._asdict() for kind, one in MEANINGS.items()},
            "/v1/detectors": {
                "thresholds": {"real_below": 0.19, "fake_from": 0.82}, "telltrace": "0.1.0",
                "settings": {"strict": False},
                "detectors": [{"name": "toy", "trained_on": "drawings", "weaknesses": ["All."]}],
            },
        }  # fmt: skip
        if path in fixed:
            return _answer(route, fixed[path])
        if path.endswith(".jpg"):
            return route.fulfill(body=drawing(path), content_type="image/jpeg")
        if path == "/v1/jobs" and self.busy:
            self.busy -= 1
            return _answer(route, {"title": "Too many jobs are waiting"}, 429)
        if path == "/v1/jobs":
            name = f"{ID}{len(self.jobs)}"
            self.jobs[name] = _file_name(route.request)
            return _answer(route, self._job(name, "queued"), 202)
        job = path.split("/")[3]
        if job not in self.jobs:
            return _answer(route, {"title": "No such job"}, 404)
        if method == "DELETE":
            del self.jobs[job]
            return route.fulfill(status=204)
        return self._of_job(route, job, path.rsplit("/", 1)[1])

    def _of_job(self, route: Any, job: str, what: str) -> None:
        if what == "events":
            states = [self._job(job, "running", *stage) for stage in self.stages]
            states.append(self._job(job, "failed" if self.problem else "done", "done", 1.0))
            body = "".join(f"event: job\ndata: {json.dumps(state)}\n\n" for state in states)
            return route.fulfill(body=body, content_type="text/event-stream")
        if what == "pictures":
            return _answer(route, kept(job, self.verdict))
        return route.fulfill(body=f"the {what}", content_type="application/octet-stream")

    def _job(self, job: str, state: str, stage: str = "waiting", share: float = 0.0) -> Any:
        done = state in ("done", "failed")
        return {
            "id": job, "state": state, "created": "2026-01-31T12:00:00.000Z", "started": None,
            "finished": "2026-01-31T12:00:05.000Z" if done else None, "expires": None,
            "progress": {"stage": stage, "share": share}, "problem": self.problem if done else None,
            "file": {"name": self.jobs[job], "bytes": 1234, "sha256": "a" * 64},
            "verdict": self.verdict if done else None,
        }  # fmt: skip


def _answer(route: Any, content: Any, status: int = 200) -> None:
    route.fulfill(status=status, body=json.dumps(content), content_type="application/json")


def _file_name(request: Any) -> str:
    sent = (request.post_data_buffer or b"").partition(b'filename="')[2].partition(b'"')[0]
    return sent.decode() or "an example"


def kept(job: str, verdict: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A picture for each moment of a verdict."""
    found: dict[float, list[dict[str, Any]]] = {}
    for number, track in enumerate(verdict["tracks"] if verdict else [], 1):
        for face in track["faces"]:
            shown = {"person": number, "box": face["box"], "score": face["score"]}
            found.setdefault(face["time"], []).append(shown)
    base = f"/v1/jobs/{job}/pictures"
    names = ("frame", "marked", "map")
    return [
        {"index": i, "time": time, "size": [320, 240], "faces": faces,
         **{name: f"{base}/{i}/{name}.jpg" for name in names}}
        for i, (time, faces) in enumerate(sorted(found.items()))
    ]  # fmt: skip


def drawing(path: str) -> bytes:
    """Two drawn heads; of another colour for a map."""
    picture = Image.new("RGB", (320, 240), "#8899aa" if "map" in path else "#dfe8f0")
    draw = ImageDraw.Draw(picture)
    for left in (60, 200):
        draw.ellipse((left, 40, left + 100, 160), fill="#e0b090")
    content = BytesIO()
    picture.save(content, "JPEG")
    return content.getvalue()


@pytest.fixture
def service() -> Service:
    """A service whose answers a test sets."""
    return Service()
