"""The paper's counts, on manifests as large as the paper's and on a small set that is prepared."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from telltrace.cli import COMMANDS, main
from telltrace.data.manifest import identities, read_manifest
from telltrace.data.paper import PaperSampling, Steps
from telltrace.data.people import choose_faces, choose_videos, group_rows

RECIPES = Path(__file__).parents[2] / "recipes" / "data"
SETS = ("ffpp-hq", "ffpp-lq", "dfdc", "celebdf", "hff")


def recipe(name: str) -> PaperSampling:
    """The paper's numbers as the command line reads them."""
    arguments = ["--config", str(RECIPES / f"{name}.yaml"), "ROOT"]
    found: PaperSampling = COMMANDS["prepare"].parse("prepare", arguments)["paper"]
    return found


def table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    names = ["label", "method", "video", "identity", "dataset"]
    made = pd.DataFrame(rows, columns=names).assign(compression="c23", split="", frame=-1)
    return made.assign(path=[f"{i}.mp4" for i in range(len(made))])


def ffpp() -> pd.DataFrame:
    """1,363 reals and 4,000 fakes by the naming rules of FaceForensics++."""
    names = [f"{i:03d}" for i in range(1000)]
    rows = [(0, "real", name, name, "FaceForensics++") for name in names]
    for i in range(363):
        actor = f"{i % 28:02d}"
        rows.append((0, "real", f"{actor}__{i}", actor, "DeepFakeDetection"))
    for method in ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"):
        for i in range(1000):
            one, other = names[i], names[i ^ 1]
            rows.append((1, method, f"{one}_{other}", f"{one}+{other}", "FaceForensics++"))
    return table(rows)


def dfdc() -> pd.DataFrame:
    """More videos than are taken; each fake is made from one real."""
    rows = [(0, "real", f"r{i}", f"r{i}", "DFDC") for i in range(4000)]
    rows += [(1, "fake", f"f{i}", f"r{i % 4000}", "DFDC") for i in range(24000)]
    return table(rows)


def celebdf() -> pd.DataFrame:
    rows = [(0, "real", f"r{i}", f"id{i % 59}", "Celeb-DF-v2") for i in range(590)]
    rows += [(0, "real", f"{i:05d}", f"{i:05d}", "Celeb-DF-v2") for i in range(300)]
    people = [(f"id{i % 59}+id{(i * 7 + 1) % 59}") for i in range(5639)]
    rows += [(1, "Celeb-synthesis", f"f{i}", p, "Celeb-DF-v2") for i, p in enumerate(people)]
    return table(rows)


def hff() -> pd.DataFrame:
    rows = [(i % 2, "real" if i % 2 == 0 else "Glow", f"{i}", f"{i}", "HFF") for i in range(155000)]
    return table(rows)


def filmed(media: pd.DataFrame, paper: PaperSampling, frames: int = 300) -> pd.DataFrame:
    """What `prepare` would give if every video had 300 frames with a face in each."""
    both = enumerate((paper.real, paper.fake))
    taken = {label: list(range(0, frames, steps.step))[: steps.frames] for label, steps in both}
    crops = media.assign(frame=[taken[label] for label in media.label]).explode("frame")
    crops["path"] = [f"{f:06d}.png" for f in crops.frame]
    return crops.reset_index(drop=True)


def counts(crops: pd.DataFrame) -> dict[tuple[str, int], int]:
    return crops.groupby(["split", "label"]).size().to_dict()


def sides_of_people(crops: pd.DataFrame) -> dict[str, set[str]]:
    sides: dict[str, set[str]] = {}
    for identity, split in crops[["identity", "split"]].drop_duplicates().to_numpy():
        for name in identities(identity):
            sides.setdefault(name, set()).add(split)
    return sides


@pytest.mark.parametrize("name", SETS)
def test_a_recipe_is_a_call(name: str) -> None:
    paper = recipe(name)
    assert (paper.seed, paper.scale) == (7, 1.0)
    text = (RECIPES / f"{name}.yaml").read_text()
    assert f"recipes/data/{name}.yaml" in text
    assert yaml.safe_load(text)["out"] == f"crops/{name}"


@pytest.mark.parametrize(
    ("name", "media", "extracted", "train", "test"),
    [
        ("ffpp-hq", ffpp, (68150, 64000), 50000, 10000),
        ("dfdc", dfdc, (101185, 101050), 50000, 10000),
        ("celebdf", celebdf, (89000, 90224), 0, 60000),
    ],
)
def test_the_papers_counts(name: str, media, extracted, train: int, test: int) -> None:
    paper = recipe(name)
    crops = filmed(choose_videos(media(), paper), paper)
    assert tuple(crops.label.value_counts()[[0, 1]]) == extracted
    chosen = choose_faces(crops, paper)
    expected = {("train", 0): train, ("train", 1): train, ("test", 0): test, ("test", 1): test}
    assert counts(chosen) == {key: count for key, count in expected.items() if count}
    assert all(len(found) == 1 for found in sides_of_people(chosen).values())


def test_all_of_hff_is_parted_four_to_one() -> None:
    chosen = choose_faces(filmed(hff(), recipe("hff"), frames=1), recipe("hff"))
    assert counts(chosen) == {
        ("train", 0): 62000,
        ("train", 1): 62000,
        ("test", 0): 15500,
        ("test", 1): 15500,
    }
    own = hff().assign(split=["train", "test"] * 77500)
    assert choose_faces(own, recipe("hff")).split.tolist() == own.split.tolist()


def test_both_compressions_take_the_same_people_and_frames() -> None:
    high, low = recipe("ffpp-hq"), recipe("ffpp-lq")
    media = ffpp().iloc[::7].reset_index(drop=True)
    small = {"total": 4000}
    one = choose_faces(filmed(media, high), PaperSampling(**{**vars(high), **small}))
    other = filmed(media.assign(compression="c40"), low)
    two = choose_faces(other, PaperSampling(**{**vars(low), **small}))
    columns = ["video", "method", "frame", "split"]
    pd.testing.assert_frame_equal(one[columns], two[columns])


PAPER = PaperSampling(real=Steps(2, 4), fake=Steps(2, 2), total=40, train=3, val=1, test=1)


def people(count: int = 30) -> pd.DataFrame:
    rows = [(i % 2, ("real", "fake")[i % 2], f"v{i}", f"p{i // 2}", "d") for i in range(count)]
    return filmed(table(rows), PAPER, frames=20)


def test_the_draw_is_random_but_fixed_by_its_seed() -> None:
    crops = people()
    one = choose_faces(crops, PAPER)
    assert counts(one) == {
        (split, label): number
        for split, number in (("train", 12), ("val", 4), ("test", 4))
        for label in (0, 1)
    }
    turned = choose_faces(crops.iloc[::-1].reset_index(drop=True), PAPER)
    assert set(zip(one.video, one.frame, strict=True)) == set(
        zip(turned.video, turned.frame, strict=True)
    )
    other = choose_faces(crops, PaperSampling(**{**vars(PAPER), "seed": 8}))
    assert set(zip(one.video, one.frame, strict=True)) != set(
        zip(other.video, other.frame, strict=True)
    )
    assert one.index.tolist() == sorted(one.index)


def test_videos_are_drawn_before_faces() -> None:
    paper = PaperSampling(real_videos=10, fake_videos=20, scale=0.5)
    chosen = choose_videos(dfdc().iloc[::100].reset_index(drop=True), paper)
    assert chosen.label.value_counts().to_dict() == {1: 10, 0: 5}


def test_too_few_of_anything_is_an_error_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"has 0 real faces for train where 120 .* with scale"):
        choose_faces(people(), PaperSampling(**{**vars(PAPER), "scale": 10}))
    with pytest.raises(ValueError, match="has 4000 real videos where 4001 are asked for"):
        choose_videos(dfdc(), PaperSampling(real_videos=4001))


@pytest.mark.parametrize("values", [{"train": -1}, {"test": 0}, {"scale": 0}])
def test_wrong_numbers_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        PaperSampling(**values)
    with pytest.raises(ValueError, match="at least 1"):
        Steps(step=0)


def test_groups_do_not_mix_data_sets() -> None:
    rows = [(0, "real", "1", "a", "x"), (0, "real", "2", "a", "y"), (1, "fake", "3", "a+b", "y")]
    assert group_rows(table(rows)) == [("x", "a"), ("y", "a"), ("y", "a")]


@pytest.fixture
def small_ffpp(clip, tmp_path: Path) -> Path:
    """Three pairs and an actor in the official layout."""
    root = tmp_path / "FaceForensics++"
    originals = root / "original_sequences"
    for number in range(6):
        clip(originals / "youtube" / "c23" / "videos" / f"{number:03d}.mp4", frames=9)
    clip(originals / "actors" / "c23" / "videos" / "01__talking.mp4", frames=9)
    for method in ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"):
        folder = root / "manipulated_sequences" / method / "c23" / "videos"
        clip(folder / "000_001.mp4", frames=9)
        clip(folder / "002_003.mp4", frames=9)
        clip(folder / "005_004.mp4", frames=9)
    return root


def test_a_recipe_runs_on_a_small_set(small_ffpp: Path, tmp_path: Path) -> None:
    config = str(RECIPES / "ffpp-hq.yaml")
    out = tmp_path / "out"
    call = ["prepare", "--config", config, str(small_ffpp), "--out", str(out), "--size", "32"]
    call += ["--workers", "0", "--paper.scale", "0.0004", "--paper.real.frames", "4"]
    assert main(call) == 0
    found = read_manifest(out / "manifest.csv")
    assert counts(found) == {(s, c): n for s, n in (("train", 20), ("test", 4)) for c in (0, 1)}
    assert set(found.frame[found.label == 0]) <= {0, 2, 4, 6}
    assert set(found.frame[found.label == 1]) == {0, 2, 4, 6, 8}
    before = (out / "manifest.csv").read_bytes()
    assert main(call) == 0
    assert (out / "manifest.csv").read_bytes() == before


def test_a_list_of_crops_is_taken_over_as_it_is(tmp_path: Path, crops, capsys) -> None:
    text = "".join(f"{row.path} {row.label}\n" for row in crops.itertuples())
    (tmp_path / "test.txt").write_text(text)
    call = ["prepare", str(tmp_path / "test.txt"), "--layout", "sficonv", "--size", "20"]
    assert main([*call, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == "24 crops, listed as they are\n"
    assert read_manifest(tmp_path / "out" / "manifest.csv").path.tolist() == crops.path.tolist()


def test_faces_parted_one_by_one_share_people_and_a_warning_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    paper = recipe("ffpp-hq-shared")
    media = ffpp().iloc[::20].reset_index(drop=True)
    crops = filmed(media, paper)
    chosen = choose_faces(crops, PaperSampling(**{**vars(paper), "total": 2400}))
    assert counts(chosen) == {
        ("train", 0): 1000, ("train", 1): 1000, ("test", 0): 200, ("test", 1): 200
    }  # fmt: skip
    assert "people on both sides, and figures on it flatter" in caplog.text
    caplog.clear()
    choose_faces(crops, PaperSampling(**{**vars(paper), "total": 2400, "people": "apart"}))
    assert not caplog.text


def test_media_without_a_split_join_the_one_that_is_named() -> None:
    paper = recipe("celebdf-lists")
    crops = filmed(celebdf(), paper)
    crops["split"] = ["test" if int(video[-1]) == 1 else "" for video in crops.video.map(str)]
    chosen = choose_faces(crops, paper)
    assert set(chosen.split) == {"train", "test"}
    assert len(chosen) == len(crops)
