"""What blur, darkness, size, compression and re-encoding do to verdicts, measured on validation."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pandas as pd
from PIL import Image as Pictures

from telltrace.errors import ManifestError
from telltrace.evaluation.shares import Share
from telltrace.evidence.quality import QualityBin, kinds_of
from telltrace.faces.image import to_rgb
from telltrace.faces.media import Status
from telltrace.inference.scanner import Scanner
from telltrace.inference.verdict import Verdict
from telltrace.jobs.progress import progress
from telltrace.pixels import Image
from telltrace.pixels.codecs import code_still


def _smaller(image: Image) -> Image:
    height, width = image.shape[:2]
    size = max(1, width // 2), max(1, height // 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _darker(image: Image) -> Image:
    return np.asarray(np.rint(image * np.float32(0.25)), np.uint8)


def _blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 2.5), np.uint8)


def _passed_on(image: Image) -> Image:
    """As messengers do: made smaller, encoded, and encoded again."""
    return code_still(code_still(_smaller(image), ".jpg", 60), ".webp", 50)


TREATMENTS: Final[Mapping[str, Callable[[Image], Image]]] = {
    "blurred": _blurred,
    "darkened": _darker,
    "half the size": _smaller,
    "JPEG of quality 15": lambda image: code_still(image, ".jpg", 15),
    "re-encoded": _passed_on,
}
"""What is done to pictures, one to each in turn, so that there are poor ones to measure on."""
AS_IT_IS: Final = "as it is"
SIZED: Final = (AS_IT_IS, "half the size")
"""Pictures that count for the size of their face; treated ones never count for all."""


def measure_quality(
    scanner: Scanner, media: pd.DataFrame, error: float = 0.05
) -> tuple[tuple[QualityBin, ...], pd.DataFrame]:
    """Scan validation media and count wrong verdicts by what makes a file hard to judge.

    Each picture is judged as it is and after one of `TREATMENTS`, videos as they are. Each person
    counts; of a forged file only the most suspicious.

    Args:
        scanner: With the detector and its thresholds, not strict.
        media: Manifest; its rows of the split ``val`` are scanned.
        error: The promise of REAL: share of the fakes that may be called so.

    Returns:
        The bins, and every verdict with its ``treatment``, ``medium``, ``label`` and ``kinds``.

    Raises:
        ManifestError: If no medium is of the validation split, or no face could be judged.
    """
    media = media[media["split"] == "val"].drop_duplicates("path")
    if media.empty:
        remedy = "Name the validation media with split `val`."
        raise ManifestError("no medium of the split val", remedy=remedy)
    rows: list[dict[str, Any]] = []
    with progress("Measuring quality", len(media), "files") as advance:
        for number, (path, label) in enumerate(zip(media["path"], media["label"], strict=True)):
            for treatment, verdict in _scans(scanner, Path(path), number):
                rows += _rows(verdict, int(label), treatment)
            advance(1)
    if not rows:
        raise ManifestError("no face of these media could be judged", remedy="Name other media.")
    table = pd.DataFrame(rows)
    card = scanner.detectors[0].card
    promised = {"image": (card.calibration.rates[0], error)}
    promised["video"] = (card.video.rates[0] if card.video else promised["image"][0], error)
    return tuple(_bins(table, promised)), table


def _scans(scanner: Scanner, path: Path, number: int) -> Iterator[tuple[str, Verdict]]:
    found = scanner.scan(path)
    yield AS_IT_IS, found
    if found.kind == "image" and found.verdict is not None:
        name = list(TREATMENTS)[number % len(TREATMENTS)]
        with Pictures.open(path) as picture:
            image = to_rgb(picture)
        yield name, scanner.scan(TREATMENTS[name](image))


def _rows(verdict: Verdict, label: int, treatment: str) -> Iterator[dict[str, Any]]:
    judged = [track for track in verdict.tracks if track.score is not None]
    worst = verdict.worst
    for track in [worst] if label and worst is not None else judged:
        sides = [face.side for face in track.faces]
        kinds = kinds_of((*track.quality, *verdict.quality), sides)
        yield {
            "treatment": treatment,
            "medium": verdict.kind,
            "label": label,
            "status": str(track.status),
            "kinds": kinds[: len(kinds) - (treatment != AS_IT_IS) - (treatment not in SIZED)],
        }


def _bins(table: pd.DataFrame, promised: Mapping[str, tuple[float, float]]) -> Iterator[QualityBin]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in table.to_dict("records"):
        side = ("reals", "fakes")[row["label"]]
        wrong = row["status"] == (Status.REAL if row["label"] else Status.FAKE)
        for kind in row["kinds"]:
            counts[row["medium"], kind, side] += 1
            counts[row["medium"], kind, f"wrong {side}"] += wrong
    for medium, kind in sorted({key[:2] for key in counts}):
        yield QualityBin(
            medium=medium,  # type: ignore[arg-type]
            kind=kind,
            reals=counts[medium, kind, "reals"],
            called_fake=counts[medium, kind, "wrong reals"],
            fakes=counts[medium, kind, "fakes"],
            called_real=counts[medium, kind, "wrong fakes"],
            promised=promised[medium],
        )


def by_treatment(table: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    """Medium, treatment, and wrong FAKE and REAL in words, of what `measure_quality` scanned."""
    for (medium, name), mine in table.groupby(["medium", "treatment"], sort=False):
        shares = [
            Share(int((mine["status"][mine["label"] == label] == wrong).sum()),
                  int((mine["label"] == label).sum()))
            for label, wrong in ((0, Status.FAKE), (1, Status.REAL))
        ]  # fmt: skip
        yield str(medium), str(name), str(shares[0]), str(shares[1])
