import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from telltrace.checkpoint import (
    Calibration,
    Card,
    Detector,
    VideoCalibration,
    load_detector,
    probabilities,
    read_card,
    save_checkpoint,
)
from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError
from telltrace.evaluation import Sample
from telltrace.faces.align import FaceCrop
from telltrace.models.registry import create_detector

CARD = Card(
    detector="mobilenet",
    preprocessing=Preprocessing(FaceCrop(size=40, margin=1.5), image_size=32),
    calibration=Calibration(temperature=2.0, bias=-0.25, real_below=0.25, fake_from=0.75),
    provenance={"commit": "abc", "faces": {"train": {"real": 3}}},
    metrics={"val_auc": 0.75},
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    save_checkpoint(path, create_detector("mobilenet"), CARD)
    return path


def test_a_card_is_read_without_the_weights(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def header_alone(path: Path, framework: str) -> Iterator[SimpleNamespace]:
        with safe_open(path, framework) as file:
            yield SimpleNamespace(metadata=file.metadata)

    monkeypatch.setattr("telltrace.checkpoint.reading.safe_open", header_alone)
    assert read_card(saved) == CARD
    with pytest.raises(AttributeError):
        load_detector(saved)


def test_everything_comes_back(saved: Path) -> None:
    assert load_detector(saved).card == CARD
    assert read_card(saved) == CARD


@pytest.mark.parametrize(("frozen", "traces"), [(True, "constant"), (False, "constrained")])
def test_a_card_of_a_frozen_kernel_gives_the_same_scores(
    frozen: bool, traces: str, tmp_path: Path
) -> None:
    network, path = create_detector("sfi_mobilenet", traces=traces), tmp_path / "old.safetensors"
    torch.nn.init.normal_(network.get_submodule("features.1.conv.traces").weight)  # type: ignore[arg-type]
    options: dict[str, Any] = {"frozen": frozen}
    save_checkpoint(path, network, replace(CARD, detector="sfi_mobilenet", options=options))
    faces = [np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)]
    same = Detector(network.eval(), CARD, torch.device("cpu"))
    np.testing.assert_allclose(load_detector(path).score(faces), same.score(faces), rtol=1e-6)


def test_cards_from_before_videos_read_and_mean_the_same() -> None:
    parts = json.loads(CARD.to_json())
    del parts["video"]
    for new in ("fake_from_strict", "reals", "rates"):
        del parts["calibration"][new]
    old = Card.from_json(json.dumps(parts))
    assert old == CARD
    assert old.calibration.fake(strict=True) == old.calibration.fake_from == 0.75


def test_what_is_known_of_videos_comes_back() -> None:
    video = VideoCalibration(
        bias=0.5, reals=Sample(30, -1.0, 0.5), windows=Sample(20, -1.0, 0.7), within=0.4
    )
    calibration = replace(CARD.calibration, reals=Sample(9, -1.0, 1.0), fake_from_strict=0.8)
    card = replace(CARD, video=video, calibration=calibration)
    assert Card.from_json(card.to_json()) == card
    alone = replace(card, video=replace(video, windows=None, within=None))
    assert Card.from_json(alone.to_json()) == alone
    assert alone.video is not None
    assert alone.video.fake() < video.fake()  # all of the rate is for one question
    with pytest.raises(ValueError, match="Nothing is known of single seconds"):
        alone.video.stretch(3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0},
        {"real_below": 2},
        {"rates": (0.01, 0.05)},
        {"reals": Sample(1, 0, 1)},
        {"within": 0.5},
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"temperature|real_below|rates|sample|within"):
        VideoCalibration(**{"reals": Sample(30, -1.0, 0.5), **wrong})


def test_a_loaded_detector_scores_like_the_one_that_was_saved(tmp_path: Path) -> None:
    network = create_detector("mobilenet")
    judge = Detector(network, CARD)
    crops = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    save_checkpoint(tmp_path / "a.safetensors", network, CARD)
    scores = load_detector(tmp_path / "a.safetensors").score(crops)
    np.testing.assert_allclose(scores, judge.score(crops), rtol=1e-7)  # other layout in memory


def test_a_detector_moves_and_says_how_it_wants_faces_cut(saved: Path) -> None:
    detector = load_detector(str(saved), precision="bfloat16")
    assert detector.to("cpu") is detector
    assert detector.crop == CARD.preprocessing.crop
    assert detector.score(np.zeros((0, 40, 40, 3), np.uint8)).shape == (0,)
    crops = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    exact = load_detector(saved).score(crops)
    assert 0 < np.abs(detector.score(crops) - exact).max() < 0.02


def test_the_score_is_the_calibrated_margin() -> None:
    scores = probabilities(torch.tensor([[1.0, 3.0], [0.0, 0.0]]), CARD.calibration)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp([-0.75, 0.25])), rtol=1e-12)


def test_scoring_leaves_a_network_in_training_as_it_was(saved: Path) -> None:
    judge = load_detector(saved)
    judge.network.train()
    before = {k: v.clone() for k, v in judge.network.state_dict().items()}
    judge.score(np.zeros((2, 40, 40, 3), np.uint8))
    assert judge.network.training
    for name, tensor in judge.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_weights_that_were_loaded_can_be_trained(saved: Path) -> None:
    network = load_detector(saved).network.train()
    network(torch.rand(2, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is a folder\. Give the path of a \.safetensors"):
        load_detector(tmp_path)
    with pytest.raises(ValueError, match=r"no\.safetensors: no such file"):
        load_detector(tmp_path / "no.safetensors")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(saved: Path, tmp_path: Path, share: float) -> None:
    content = saved.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r"cut\.safetensors: not a complete safetensors file"):
        load_detector(path)


class Trap:
    """Unpickling it would leave a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_a_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "model.pt", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(ValueError, match=r"pickled .* are never loaded"):
        load_detector(path)
    assert not mark.exists()


def test_tensors_without_a_card_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.safetensors"
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="no telltrace card"):
        load_detector(path)


def test_a_detector_that_nobody_knows_is_refused_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plugged.safetensors"
    save_checkpoint(path, create_detector("meso4"), replace(CARD, detector="meso44"))
    with pytest.raises(CheckpointError, match=r"plugged\.safetensors: No detector is named 'meso4"):
        load_detector(path)


def test_a_file_that_may_not_be_read_is_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: you may not read it"):
        read_card(saved)


def test_a_card_of_another_detector_is_refused(saved: Path, tmp_path: Path) -> None:
    network = load_detector(saved).network
    wrong = Card(detector="resnet26", preprocessing=CARD.preprocessing)
    save_checkpoint(tmp_path / "wrong.safetensors", network, wrong)
    with pytest.raises(
        ValueError, match=r"wrong\.safetensors: This state dict is not the weights of 'resne"
    ):
        load_detector(tmp_path / "wrong.safetensors")


@pytest.mark.parametrize(
    "change",
    [{"format": "other/9"}, {"surprise": 1}, {"calibration": {"temperature": -1}}, {"labels": 3}],
)
def test_a_card_that_makes_no_sense_is_refused(
    saved: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    card = {**json.loads(CARD.to_json()), **change}
    path = tmp_path / "odd.safetensors"
    save_file({"weight": torch.zeros(1)}, path, {"card": json.dumps(card)})
    with pytest.raises(ValueError, match=r"odd\.safetensors: its card cannot be read"):
        load_detector(path)


def test_a_failed_write_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(saved, create_detector("mobilenet"), CARD)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
