"""Three people side by side, one of whom turns red for a second: a forgery, to the judge here."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from telltrace.checkpoint import Detector, VideoCalibration
from telltrace.evaluation import Sample
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Status
from telltrace.inference import Scanner, Verdict

WIDE, FORGED = 256, range(23, 33)
"""Width of one person's window; the frames, ten a second, in which the middle one is forged."""


def three(astronaut: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
    """One frame: an astronaut, her mirror image and a darker one, each moving in her own way."""
    windows = []
    for number, (red, blue) in enumerate([(0.6, 1.1), (0.55, 1.1), (0.5, 1.0)]):
        tint = np.tile(np.array([red, 0.8, blue]), (512, 512, 1))
        if number == 1 and index in FORGED:
            tint[70:180, 185:265] = 1.1, 0.8, 0.5  # her face is pasted, nothing else
        left = 100 + round(12 * np.sin(index / 7 + 2 * number))
        window = (astronaut * tint)[10:266, left : left + WIDE]
        if number == 1:
            window = window[:, ::-1]
        windows.append(np.clip(window, 0, 255).astype(np.uint8))
    return np.concatenate(windows, axis=1)


@pytest.fixture(scope="module")
def film(
    tmp_path_factory: pytest.TempPathFactory,
    astronaut: NDArray[np.uint8],
    write_clip: Callable[..., Path],
) -> Path:
    folder = tmp_path_factory.mktemp("film")
    return write_clip(folder / "three.mp4", [three(astronaut, i) for i in range(80)])


def windows(found: Verdict) -> list[set[int]]:
    """For each track, the windows that its faces are in: more than one if people were swapped."""
    return [{int((f.box[0] + f.box[2]) / 2 // WIDE) for f in t.faces} for t in found.tracks]


@pytest.fixture
def taught(judge: Detector) -> Detector:
    """The judge, who has learnt how red the people of real clips are."""
    video = VideoCalibration(
        real_below=0.45, reals=Sample(200, -0.5, 0.1), windows=Sample(200, -0.5, 0.12)
    )
    return Detector(judge.network, replace(judge.card, video=video))


@pytest.mark.parametrize(
    "settings",
    [{"window": 0.5}, {"window": 0.5, "sample": "all", "search_every": 6}],
    ids=["adaptive", "all"],
)
def test_the_forged_second_of_one_of_three_is_named(
    taught: Detector, detector: FaceDetector, film: Path, settings: dict[str, Any]
) -> None:
    found = Scanner(taught, face_detector=detector, **settings).scan(film)
    assert sorted(map(sorted, windows(found))) == [[0], [1], [2]]
    [forged] = [track for track in found.tracks if track.forged]
    number = found.tracks.index(forged)
    assert windows(found)[number] == {1}
    [span] = forged.forged
    assert abs(span.start * 10 - FORGED[0]) <= 2
    assert abs(span.end * 10 - FORGED[-1]) <= 2
    assert found.reason.startswith(f"person {number + 1} looks forged from 2.")
    assert [str(track.status) for track in found.tracks].count("FAKE") == 1


def test_a_card_that_knows_no_seconds_claims_none(
    judge: Detector, detector: FaceDetector, film: Path
) -> None:
    found = Scanner(judge, face_detector=detector).scan(film)
    assert found.verdict == Status.UNCERTAIN  # two looks of twelve move a mean but little
    assert all(track.stretch is None for track in found.tracks)


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory,
    astronaut: NDArray[np.uint8],
    write_clip: Callable[..., Path],
) -> dict[str, Path]:
    """Ten seconds of one person whose colour flickers: real, forged, forged for a second."""
    clips = {}
    for name, forged in {"real": (), "forged": range(100), "second": range(42, 52)}.items():
        rng, frames = np.random.default_rng(5), []
        for index in range(100):
            tint = np.tile(np.array([0.55, 0.8, 1.05]), (512, 512, 1))
            face = np.array([1.0, 0.8, 0.55]) if index in forged else tint[0, 0]
            tint[70:180, 185:265] = [face[0] + rng.normal(0, 0.06), *face[1:]]
            left = 100 + round(12 * np.sin(index / 7))
            frames.append(np.clip((astronaut * tint)[10:266, left : left + 256], 0, 255))
        folder = tmp_path_factory.mktemp("alone")
        clips[name] = write_clip(folder / f"{name}.mp4", [f.astype(np.uint8) for f in frames])
    return clips


@pytest.mark.parametrize(
    ("name", "verdict", "throughout"),
    [
        ("real", Status.REAL, Status.REAL),
        ("forged", Status.FAKE, Status.FAKE),
        ("second", Status.FAKE, Status.REAL),
    ],
)
def test_a_verdict_does_not_hang_on_the_number_of_frames(
    taught: Detector,
    detector: FaceDetector,
    alone: dict[str, Path],
    name: str,
    verdict: Status,
    throughout: Status,
) -> None:
    for frames in (8, 16, 36, 72):
        found = Scanner(taught, face_detector=detector, frames=frames).scan(alone[name])
        [track] = found.tracks
        assert (found.verdict, track.throughout) == (verdict, throughout), frames
        assert found.frames <= max(36, frames)
        if name == "second":
            assert track.stretch is not None
            assert track.stretch.start == pytest.approx(4.2, abs=0.11)
            assert track.stretch.end == pytest.approx(5.1, abs=0.11)
            assert "from 4." in found.reason


def test_a_single_odd_frame_decides_nothing(
    taught: Detector,
    detector: FaceDetector,
    astronaut: NDArray[np.uint8],
    write_clip: Callable[..., Path],
    tmp_path: Path,
) -> None:
    frames = [three(astronaut, 25 if i == 30 else i % 20) for i in range(60)]
    found = Scanner(taught, face_detector=detector, sample="all", search_every=6).scan(
        write_clip(tmp_path / "odd.mp4", frames)
    )
    assert max(face.score or 0 for face in found.faces) > 0.6
    assert found.verdict == Status.REAL


@pytest.mark.data
def test_a_forgery_of_faceforensics_is_named_to_the_frame(
    detector: FaceDetector, data_root: Path, tmp_path: Path
) -> None:
    """One pair of the training split, of those that the detector in the package can tell apart."""
    file = Path(__file__).parents[2] / "benchmarks" / "scan_people.py"
    spec = importlib.util.spec_from_file_location("scan_people", file)
    assert spec
    assert spec.loader
    material = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(material)
    material.FRAMES = 150  # six seconds: the forged one is the fifth
    root, clip = data_root / "FaceForensics++", tmp_path / "three.mp4"
    videos = root / "manipulated_sequences" / "Deepfakes" / "c23" / "videos"
    assert material.compose(root, videos / "481_469.mp4", detector, clip)
    scanner = Scanner()
    assert scanner.rule.knows_stretches
    said = material.describe(scanner.scan(clip))
    assert (said["tracks"], said["swaps"], said["named"], said["spans"]) == (3, 0, True, 1)
    assert max(map(abs, said["off"])) <= 2
