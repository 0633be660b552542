import numpy as np
import pandas as pd
import pytest
from PIL import ImageColor

from telltrace.visualization import blend_sheet, manifest_sheet
from telltrace.visualization.faces import COLOURS


def manifest(people: list[str], methods: tuple[str, ...] = ("real", "A"), frames: int = 3):
    rows = [
        (f"{method}/{who}/{frame}", "toy", int(method != "real"), method, "", who, who, "", frame)
        for method in methods
        for who in people
        for frame in range(frames)
    ]
    columns = ["path", "dataset", "label", "method", "compression", "video", "identity"]
    return pd.DataFrame(rows, columns=[*columns, "split", "frame"])


def paths_drawn(table: pd.DataFrame, **options: int) -> list[str]:
    drawn: list[str] = []

    def read(path: str) -> np.ndarray:
        drawn.append(path)
        return np.zeros((8, 8, 3), np.uint8)

    manifest_sheet(table, read, **options)
    return drawn


def test_the_same_people_stand_in_every_row_at_their_middle_frame() -> None:
    drawn = paths_drawn(manifest([f"p{i:02d}" for i in range(20)]), columns=4)
    assert len(drawn) == 8
    assert [p.split("/")[1] for p in drawn[:4]] == [p.split("/")[1] for p in drawn[4:]]
    assert {p.split("/")[2] for p in drawn} == {"1"}
    assert {p.split("/")[0] for p in drawn[:4]} == {"real"}


def test_another_seed_shows_other_people() -> None:
    table = manifest([f"p{i:02d}" for i in range(20)])
    assert paths_drawn(table, columns=4, seed=0) == paths_drawn(table, columns=4, seed=0)
    assert paths_drawn(table, columns=4, seed=0) != paths_drawn(table, columns=4, seed=1)


def test_people_who_have_both_classes_come_first() -> None:
    table = pd.concat([manifest([f"q{i}" for i in range(9)], ("real",)), manifest(["zoe"])])
    assert "A/zoe/1" in paths_drawn(table.reset_index(drop=True), columns=2)
    assert "real/zoe/1" in paths_drawn(table.reset_index(drop=True), columns=2)


def test_where_people_are_few_their_further_frames_fill_the_row() -> None:
    drawn = paths_drawn(manifest(["ann", "bob"], frames=5), columns=6)
    assert sorted(drawn[:6]) == sorted(f"real/{w}/{f}" for w in ("ann", "bob") for f in (1, 2, 3))


def test_headings_have_the_colour_of_their_class() -> None:
    table = manifest(["ann"])
    sheet = np.asarray(manifest_sheet(table, lambda _: np.zeros((8, 8, 3), np.uint8), size=150))
    below = sheet.shape[0] // 2
    for part, name in ((sheet[:below], "REAL"), (sheet[below:], "FAKE")):
        assert (part == ImageColor.getrgb(COLOURS[name])).all(2).any()


def test_a_blend_is_shown_with_its_mask_and_its_difference() -> None:
    real = np.full((20, 20, 3), 50, np.uint8)
    fake, mask = real.copy(), np.zeros((20, 20), np.float32)
    fake[5:15, 5:15] += 10
    mask[5:15, 5:15] = 0.5
    sheet = np.asarray(blend_sheet([(real, fake, mask)], ["ann"], size=20))
    tiles = [sheet[8:28, 8 + 28 * i : 28 + 28 * i, 0] for i in range(4)]
    assert np.array_equal(tiles[0], real[..., 0])
    assert np.array_equal(tiles[1], fake[..., 0])
    assert (tiles[2][10, 10], tiles[2][0, 0]) == (128, 0)
    assert (tiles[3][10, 10], tiles[3][0, 0]) == (40, 0)


def test_strong_differences_do_not_wrap_round() -> None:
    dark, light = np.zeros((20, 20, 3), np.uint8), np.full((20, 20, 3), 200, np.uint8)
    blends = [
        (one, other, np.ones((20, 20), np.float32)) for one, other in ((dark, light), (light, dark))
    ]
    sheet = np.asarray(blend_sheet(blends, ["ann", "bob"], size=20))
    for place in (3, 7):
        assert (sheet[8:28, 8 + 28 * place : 28 + 28 * place] == 255).all()


def test_a_blend_needs_a_name() -> None:
    face = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="zip"):
        blend_sheet([(face, face, np.ones((8, 8), np.float32))], [])
