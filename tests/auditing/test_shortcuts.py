"""Shortcuts that are there are found; chance and few people raise no alarm."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import beta

from telltrace.auditing.media import Look, Medium, look_at_files, read_rows
from telltrace.auditing.shortcuts import (
    SURE,
    Shortcut,
    clustered_interval,
    find_shortcuts,
    held_out_scores,
    people_groups,
    permutation_p_value,
)
from telltrace.auditing.traits import QUESTIONS
from telltrace.data.manifest import check_manifest, write_manifest
from telltrace.evaluation.metrics import auc

from .conftest import draw_picture, write_set

VARYING = [q for q in QUESTIONS if q.name in ("size", "bits per pixel", "spectrum")]
"""What differs between files of one format and kind, each in its own way."""

LOOK = Look(0, b"x", 0, b"", 100.0, 100.0)


def rows_of(people: list[str], labels: list[int], boxes: list[str] | None = None) -> pd.DataFrame:
    methods = ["fake" if label else "real" for label in labels]
    table = {"path": [f"{i}.png" for i in range(len(labels))], "label": labels, "method": methods}
    table |= {"identity": people, "dataset": ["toy"] * len(labels)}
    return check_manifest(pd.DataFrame(table | ({"box": boxes} if boxes else {})))


def media_of(rows: pd.DataFrame, **traits: list[object]) -> dict[str, Medium]:
    each = [dict(zip(traits, values, strict=True)) for values in zip(*traits.values(), strict=True)]
    return {
        path: Medium(path, "image", traits=own, looks=(LOOK,))
        for path, own in zip(rows.path, each, strict=True)
    }


def answer(name: str, rows: pd.DataFrame, media: dict[str, Medium]) -> Shortcut:
    return next(a for a in find_shortcuts(rows, media).answers if a.name == name)


def one_each(count: int) -> tuple[list[str], list[int]]:
    """As many reals and fakes, each of a person of their own."""
    return [f"p{i}" for i in range(2 * count)], [i % 2 for i in range(2 * count)]


PLANTED: dict[str, Callable[[int, np.random.Generator], dict[str, object]]] = {
    "size": lambda y, rng: {"width": 178.0 + 5 * y, "height": 200.0},
    "aspect ratio": lambda y, rng: {"aspect": 1.0 + 0.1 * y + rng.normal(0, 0.01)},
    "file format": lambda y, rng: {"format": ("JPEG", "PNG")[y]},
    "JPEG tables": lambda y, rng: {"jpeg_tables": (3 + y, 4, 5) + (0,) * 125},
    "chroma subsampling": lambda y, rng: {"subsampling": ("4:4:4", "4:2:0")[y]},
    "codec settings": lambda y, rng: {"codec": "h264", "gop": (250.0, 12.0)[y]},
    "bits per pixel": lambda y, rng: {"bits_per_pixel": 1.0 + y + rng.normal(0, 0.5)},
    "length": lambda y, rng: {"frames": float(rng.integers(300, 310)) - 12 * y},
}


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_shortcut_is_found_with_its_remedy(name: str) -> None:
    people, labels = one_each(40)
    rng = np.random.default_rng(0)
    drawn = [PLANTED[name](label, rng) for label in labels]
    rows = rows_of(people, labels)
    found = answer(name, rows, media_of(rows, **{k: [d[k] for d in drawn] for k in drawn[0]}))
    assert (found.verdict, bool(found.remedy)) == ("shortcut", True)
    assert found.auc > 0.8
    assert found.low > 0.6
    assert "real" in found.detail


def test_the_size_of_faces_is_read_from_the_boxes() -> None:
    people, labels = one_each(30)
    boxes = [
        f"10 10 {90 + 40 * label + i % 7} {130 + 40 * label}" for i, label in enumerate(labels)
    ]
    rows = rows_of(people, labels, boxes)
    found = answer("face size", rows, media_of(rows, width=[256.0] * 60))
    assert found.verdict == "shortcut"
    assert answer("size", rows, media_of(rows, width=[256.0] * 60)).verdict == "same everywhere"


def test_a_difference_in_the_spectrum_is_found(tmp_path: Path) -> None:
    """Fakes enlarged from half their size, in pictures of one size and format."""

    def picture(rng: np.random.Generator, label: int) -> np.ndarray:
        image = Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8))
        return np.asarray(image.resize((24, 24)).resize((48, 48)) if label else image)

    rows = read_rows([write_set(tmp_path, np.random.default_rng(4), 20, picture)])
    found = answer("spectrum", rows, look_at_files(rows.path.tolist()))
    assert found.verdict == "shortcut"
    assert "less power" in found.detail


def test_no_alarm_in_50_clean_sets(tmp_path: Path) -> None:
    """Sizes differ between people and not between classes; a third of the sets hold few people."""
    verdicts = []
    for number in range(50):
        rng = np.random.default_rng((11, number))
        people = int(rng.integers(2, 8)) if number % 3 == 0 else int(rng.integers(12, 16))
        size = (24, 28)

        def picture(rng: np.random.Generator, label: int) -> np.ndarray:
            nonlocal size
            size = (int(rng.integers(20, 30)), int(rng.integers(20, 30))) if not label else size
            return draw_picture(rng, size)

        rows = read_rows([write_set(tmp_path / str(number), rng, people, picture)])
        found = find_shortcuts(rows, look_at_files(rows.path), VARYING)
        verdicts += [answer.verdict for answer in found.answers]
    assert not {"shortcut", "trace"} & set(verdicts)
    assert {"no sign", "cannot say"} <= set(verdicts)


def test_few_people_are_no_ground_for_an_alarm() -> None:
    """Two reals and two fakes of other sizes: it may be chance, and the interval says so."""
    people = [f"p{i // 8}" for i in range(32)]
    labels = [int(i >= 16) for i in range(32)]
    rows = rows_of(people, labels)
    found = answer("size", rows, media_of(rows, width=[100.0 + 50 * y for y in labels]))
    assert (found.verdict, found.auc) == ("cannot say", 1.0)
    assert found.low < 0.2
    assert found.chance == pytest.approx(1 / 6, abs=0.01)


def test_few_fakes_beside_many_reals_can_be_told_apart_for_sure() -> None:
    people, labels = [f"p{i}" for i in range(205)], [int(i >= 200) for i in range(205)]
    rows = rows_of(people, labels)
    found = answer("size", rows, media_of(rows, width=[178.0 + 500 * y for y in labels]))
    assert (found.verdict, found.auc) == ("shortcut", 1.0)
    assert found.chance <= SURE
    assert found.low == pytest.approx(0.025 ** (1 / 5))


@pytest.mark.parametrize("labels", [[0] * 6, [0] * 5 + [1]])
def test_one_class_or_one_person_in_it_cannot_say(labels: list[int]) -> None:
    rows = rows_of([f"p{i}" for i in range(6)], labels)
    found = answer("size", rows, media_of(rows, width=[100.0 + i for i in range(6)]))
    assert (found.verdict, found.auc) == ("cannot say", None)


def test_people_are_never_on_both_sides_of_a_fold() -> None:
    """A number that names the person and no more: a classifier that saw her would know."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 10)
    labels = (np.arange(40) % 2)[person]
    names = rng.permutation(40)[person, None].astype(float)
    assert auc(labels, held_out_scores(names, labels, np.arange(400))) == 1.0
    assert abs(auc(labels, held_out_scores(names, labels, person)) - 0.5) < 0.25


def test_chance_is_that_of_every_exchange_counted() -> None:
    """Against the enumeration of all lots: 4 groups of one class each, 2 groups of both."""
    rng = np.random.default_rng(1)
    groups = np.array([0, 0, 1, 2, 2, 3, 4, 4, 4, 5, 5])
    labels = np.array([0, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1])
    scores = rng.normal(size=11) + 0.6 * labels
    reached = total = 0
    for fakes in combinations(range(4), 2):
        for flips in np.ndindex(2, 2):
            lot = np.where(groups < 4, np.isin(groups, fakes), labels)
            for group, flip in zip((4, 5), flips, strict=True):
                lot = np.where((groups == group) & (flip == 1), 1 - lot, lot)
            reached += auc(lot, scores) >= auc(labels, scores) - 1e-12
            total += 1
    chance, least = permutation_p_value(labels, scores, groups)
    assert least == pytest.approx(1 / total)
    assert chance == pytest.approx(reached / total, abs=0.1)


def test_thousands_of_groups_have_a_chance_too() -> None:
    groups, labels = np.arange(6000) // 2, np.arange(6000) % 2
    chance, least = permutation_p_value(labels, np.random.default_rng(0).normal(size=6000), groups)
    assert 0 < least < SURE < chance <= 1


def test_the_chance_of_chance_is_evenly_spread() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 30)
    chances = [
        permutation_p_value(labels, rng.normal(size=60), np.arange(60))[0] for _ in range(200)
    ]
    assert np.mean(np.array(chances) < 0.2) == pytest.approx(0.2, abs=0.09)


def test_the_interval_is_no_narrower_than_throws_of_a_coin() -> None:
    labels, groups = np.repeat([0, 1], 500), np.arange(1000) // 100
    low, high = clustered_interval(labels, np.linspace(0, 1, 1000), groups)
    assert (low, high) == (pytest.approx(beta.ppf(0.025, 5, 1)), 1.0)
    many = clustered_interval(labels, np.random.default_rng(0).normal(size=1000), np.arange(1000))
    assert many[1] - many[0] < 0.1


def test_groups_are_linked_by_forgeries_unless_these_link_everybody() -> None:
    pairs = rows_of(["a", "b", "a+b", "c", "d", "c+d"], [0, 0, 1, 0, 0, 1])
    groups, basis = people_groups(pairs)
    assert (groups.tolist(), basis) == ([0, 0, 0, 1, 1, 1], "groups of people")
    chain = [f"p{i}" for i in range(9)]
    linked = [f"p{i}+p{i + 1}" for i in range(8)]
    groups, basis = people_groups(rows_of(chain + linked, [0] * 9 + [1] * 8))
    assert len(np.unique(groups)) == 9
    assert "linked" in basis


def test_files_that_could_not_be_read_are_left_out(tmp_path: Path) -> None:
    people, labels = one_each(3)
    rows = rows_of(people, labels)
    media = media_of(rows, width=[1.0] * 6)
    media["0.png"] = Medium("0.png", missing=True, trouble="does not exist")
    assert find_shortcuts(rows, media).media == 5
    write_manifest(rows, tmp_path / "manifest.csv")
    gone = read_rows([tmp_path / "manifest.csv"])
    assert find_shortcuts(gone, look_at_files(gone.path.tolist())).media == 0


def test_the_difference_is_told_in_the_trait_that_differs_most() -> None:
    people, labels = one_each(20)
    rows = rows_of(people, labels)
    traits = {
        "codec": ["h264"] * 40,
        "settings": ["crf=23 " * 9 + str(y * (i % 4 > 1)) for i, y in enumerate(labels)],
        "fps": [25.0 + 5 * y for y in labels],
    }
    found = answer("codec settings", rows, media_of(rows, **traits))
    assert found.detail == "fps: real 25, fake 30"
    del traits["fps"]
    found = answer("codec settings", rows, media_of(rows, **traits))
    assert found.detail == "settings: real crf=23 crf=23 crf=23 crf=... (100%), fake the same (50%)"
    sizes = {"width": [100.0 + i for i in range(40)], "height": [90.0 + i % 2 for i in range(40)]}
    assert answer("size", rows, media_of(rows, **sizes)).detail == "height: real 90, fake 91"
