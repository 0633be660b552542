"""Several detectors as one: learnt on validation scores, kept in a file, at odds in a scan."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn

from telltrace.checkpoint import (
    Card,
    Detector,
    Ensemble,
    load_detector,
    read_card,
    save_checkpoint,
)
from telltrace.cli import main
from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError, ManifestError, OptionError
from telltrace.evaluation import auc, write_scores
from telltrace.evaluation.calibration import Calibration
from telltrace.evaluation.combination import Combination
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Status
from telltrace.inference import Scanner
from telltrace.inference.ensemble import combine_detectors, ensemble_names
from telltrace.inference.formats import to_text
from telltrace.models.registry import create_detector

CARD = Card(detector="mobilenet", preprocessing=Preprocessing(FaceCrop(size=64), image_size=32))


def scored(
    seed: int = 0, videos: int = 400, opposed: float = 0.02, split: str = "val"
) -> list[pd.DataFrame]:
    """What three say of the same videos: a good one, one that is over-sure, and a weak one.

    In some real videos the second is sure of the wrong side.
    """
    rng = np.random.default_rng(seed)
    label = np.arange(videos) % 2
    side = 2 * label - 1
    trick = (rng.random(videos) < opposed) & (label == 0)
    sees = [2.0 * side, 2.0 * np.where(trick, 4, side), 0.2 * side]
    margins = [mean + rng.normal(0, 1.5, videos) for mean in sees]
    frames = {"frame": np.tile(np.arange(4), videos), "time": np.tile(np.arange(4) / 2, videos)}
    each = np.repeat(np.arange(videos), 4)
    about = {"label": label[each], "video": [f"v{i}" for i in each], "split": split, **frames}
    table = pd.DataFrame({"path": "", "dataset": "noise", "compression": "", **about})
    table = table.assign(method=np.where(table.label, "paste", "real"), identity="")
    looks = [m[each] + rng.normal(0, 0.5, len(each)) for m in margins]
    return [table.assign(score=expit(k * m)) for k, m in zip((1, 3, 1), looks, strict=True)]


def detectors() -> list[Detector]:
    return [Detector(nn.Identity(), replace(CARD, detector=name)) for name in ("a", "b", "c")]


def test_weights_calibration_and_bound_are_learnt() -> None:
    made = combine_detectors(detectors(), scored())
    way = made.card.combination
    assert way is not None
    assert way.weights[0] > 0.4
    assert way.weights[1] > 0.2
    assert way.weights[2] < 0.1
    fresh = scored(seed=1)
    label = fresh[0].label
    members = [
        member.card.calibration.probability(np.log(t.score / (1 - t.score)).to_numpy())
        for member, t in zip(made.members, fresh, strict=True)
    ]
    together = made.combine(np.stack(members, axis=1))
    alone = [auc(label, table.score) for table in fresh]
    assert auc(label, together) > max(alone) + 0.005
    assert abs(float(together.mean()) - 0.5) < 0.03  # calibrated: half of the videos are fake
    odds = np.log(np.stack(members, axis=1) / (1 - np.stack(members, axis=1)))
    of_videos = odds.reshape(-1, 4, 3).mean(axis=1)
    assert way.video is not None
    beyond = way.conflict(of_videos) >= way.video
    assert 0.005 < beyond.mean() < 0.1  # 5 % at most where it was measured
    assert made.card.video is not None


def test_rows_that_not_all_judged_are_left_out() -> None:
    tables = scored(videos=120)
    whole = combine_detectors(detectors(), [t[:400] for t in tables]).card.combination
    tables[1] = tables[1][:400][::-1]  # another order
    tables[2].loc[400:, "score"] = np.nan
    found = combine_detectors(detectors(), tables).card.combination
    assert whole is not None
    assert found is not None
    assert found.weights == pytest.approx(whole.weights, abs=1e-6)


def test_what_cannot_be_learnt_is_refused() -> None:
    first, second, third = scored(videos=80)
    pair = detectors()[:2]
    with pytest.raises(ManifestError, match="validation split alone"):
        combine_detectors(pair, [t.assign(split="test") for t in (first, second)])
    with pytest.raises(ManifestError, match="validation split alone"):
        combine_detectors(pair, [first, second.assign(split="test")])
    with pytest.raises(OptionError, match=r"conflict must lie in \(0, 1\), got 2"):
        combine_detectors(pair, [first, second], conflict=2)
    with pytest.raises(ManifestError, match="b: the scores rank no better than chance"):
        combine_detectors(pair, [first, second.assign(score=1 - second.score)])
    with pytest.raises(ManifestError, match="share no item"):
        combine_detectors(pair, [first, second.assign(dataset="other")])
    with pytest.raises(OptionError, match="needs two detectors"):
        combine_detectors(pair[:1], [first])
    with pytest.raises(OptionError, match="is an ensemble"):
        combine_detectors([combine_detectors(pair, [first, second]), *pair[:1]], [first, third])
    isotonic = replace(CARD, calibration=Calibration(knots=((0, 0), (1, 1))))
    with pytest.raises(ManifestError, match="isotonic"):
        combine_detectors([Detector(nn.Identity(), isotonic), pair[0]], [first, third])


def test_names_tell_the_detectors_apart() -> None:
    cards, paths = [CARD, CARD], [Path("runs/a.safetensors"), Path("runs/b.safetensors")]
    assert ensemble_names(cards, paths) == ["a", "b"]
    assert ensemble_names(cards, [paths[0]] * 2) == ["a 1", "a 2"]
    cards = [CARD, replace(CARD, detector="xception")]
    assert ensemble_names(cards, paths) == ["mobilenet", "xception"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small detectors of other crops and sizes, and the scores of both."""
    folder = tmp_path_factory.mktemp("members")
    torch.manual_seed(0)
    wide = Preprocessing(FaceCrop(size=80, margin=1.6), image_size=48)
    large = replace(CARD, preprocessing=wide)
    for name, card, table in zip("ab", (CARD, large), scored(videos=80), strict=False):
        network = create_detector(card.detector, **card.options)
        save_checkpoint(folder / f"{name}.safetensors", network, card)
        write_scores(table, folder / f"{name}.csv")
    return folder


def test_the_command_writes_one_checkpoint(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ensemble.safetensors"
    members = [str(saved / f"{name}.safetensors") for name in "ab"]
    tables = ["--scores", *(str(saved / f"{name}.csv") for name in "ab")]
    assert main(["ensemble", *members, "--out", str(out), *tables]) == 0
    assert "a: weight" in capsys.readouterr().out
    found = load_detector(out)
    assert isinstance(found, Ensemble)
    assert [member.crop.size for member in found.members] == [64, 80]
    assert found.crop.margin == 1.6  # `prepare` cuts wide enough for all
    assert (read_card(out), len(found.sha256)) == (found.card, 64)
    for member, path in zip(found.members, members, strict=True):
        alone = load_detector(path)
        faces = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
        raw = alone.card.calibration.margins(alone.score(faces))
        expected = member.card.calibration.probability(raw)
        assert member.score(faces) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(OptionError, match="cut faces differently"):
        found.score(faces)
    assert main(["ensemble", *members, "--out", str(out)]) == 2
    assert "learnt on validation scores" in capsys.readouterr().err


def test_crops_are_scored_by_each_detector_where_a_manifest_is_given(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [str(saved / f"{name}.safetensors") for name in "ab"]
    told = dict(zip(members, scored(videos=80), strict=False))
    hashes = {load_detector(path).sha256: table for path, table in told.items()}
    asked = []

    def predict(manifest: list[Path], *, detector: Detector, split: str) -> pd.DataFrame:
        asked.append((manifest, split))
        return hashes[detector.sha256]

    monkeypatch.setattr("telltrace.inference.predict", predict)
    tables = [str(saved / f"{name}.csv") for name in "ab"]
    for out, given in (("a", ["--manifest", "crops.csv"]), ("b", ["--scores", *tables])):
        assert (
            main(["ensemble", *members, "--out", str(tmp_path / f"{out}.safetensors"), *given]) == 0
        )
    assert asked == [([Path("crops.csv")], "val")] * 2
    one, other = (read_card(tmp_path / f"{out}.safetensors") for out in "ab")
    assert one.combination is not None
    assert other.combination is not None
    assert one.combination.weights == pytest.approx(other.combination.weights)


def test_a_member_that_runs_code_is_refused(saved: Path, tmp_path: Path) -> None:
    stranger = replace(CARD, detector="external:os:system", options={"weights": ""})
    way = Combination(names=("a", "b"), weights=(1.0, 1.0))
    card = replace(CARD, detector="ensemble", members=(CARD, stranger), combination=way)
    save_checkpoint(tmp_path / "bad.safetensors", nn.Linear(1, 1), card)
    with pytest.raises(CheckpointError, match="not allowed"):
        load_detector(tmp_path / "bad.safetensors")


class Tint(nn.Module):
    """(B, 3, H, W) -> (B, 2): the fake logit is how red a face is, or how blue."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.sign = sign

    def forward(self, images: Tensor) -> Tensor:
        red, _, blue = images.mean((2, 3)).unbind(1)
        return torch.stack([torch.zeros_like(red), self.sign * 12 * (red - blue)], 1)


def opposed(judge: Detector, bound: float | None, signs: tuple[int, int] = (1, -1)) -> Ensemble:
    """One who thinks red faces forged, and one who thinks blue ones are."""
    way = Combination(names=("red", "blue"), weights=(1.0, 0.1), picture=bound, video=bound)
    card = replace(judge.card, detector="ensemble", members=(judge.card,) * 2, combination=way)
    return Ensemble([Detector(Tint(sign), judge.card) for sign in signs], card)


def tinted(astronaut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (astronaut * np.array([1.0, 0.6, 0.5])).astype(np.uint8)


def test_where_detectors_conflict_the_verdict_is_uncertain_and_says_why(
    judge: Detector, detector: FaceDetector, astronaut: NDArray[np.uint8]
) -> None:
    found = {}
    for bound in (None, 1.0, 99.0):
        scanner = Scanner(opposed(judge, bound), face_detector=detector)
        found[bound] = scanner.scan(tinted(astronaut))
    assert found[1.0].status == Status.UNCERTAIN
    assert found[1.0].score == found[99.0].score  # what is known stays as it was
    assert found[1.0].tracks[0].conflict
    assert "contradict each other" in found[1.0].reason
    for verdict in found.values():
        assert "red says fake" in verdict.reason
        assert "blue says real" in verdict.reason
        assert len(verdict.tracks[0].scores) == 2
    assert {found[None].status, found[99.0].status} == {Status.FAKE}
    plain = found[1.0].to_dict()["tracks"][0]
    assert (plain["conflict"], plain["disagreement"][:12]) == (True, "red says fak")


def test_a_real_face_with_a_dissenter_says_so_too(
    judge: Detector, detector: FaceDetector, astronaut: NDArray[np.uint8]
) -> None:
    scanner = Scanner(opposed(judge, None, (-1, 1)), face_detector=detector)
    verdict = scanner.scan(tinted(astronaut))
    assert verdict.status == Status.REAL
    assert "though the detectors disagree: red says real" in to_text([verdict], scanner)


def test_detectors_of_one_mind_are_judged_as_ever(
    judge: Detector, detector: FaceDetector, clip: Path
) -> None:
    both = opposed(judge, 0.5, (1, 1))
    verdict = Scanner(both, face_detector=detector).scan(clip)
    assert not any(track.conflict or track.disagreement for track in verdict.tracks)
    faces = np.full((2, 64, 64, 3), (200, 100, 100), np.uint8)
    alone = both.members[0].score(faces)
    assert both.score(faces) == pytest.approx(expit(1.1 * np.log(alone / (1 - alone))), abs=1e-6)
    assert both.score_resized(faces[:, :32, :32]) == pytest.approx(both.score(faces), abs=1e-6)
