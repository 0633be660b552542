"""Detectors as folders, and as repositories of a hub that is asked for nothing."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import telltrace
from telltrace.checkpoint import BUNDLED, Card, Detector, Ensemble, hub, read_card
from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError, DependencyError, OptionError
from telltrace.evaluation.combination import Combination
from telltrace.inference.ensemble import NAME

CROPS = np.random.default_rng(0).integers(0, 255, (3, 40, 40, 3)).astype(np.uint8)


@pytest.fixture
def detector() -> Detector:
    torch.manual_seed(1)
    preprocessing = Preprocessing(image_size=32)
    card = Card(
        detector="meso4",
        options={"image_size": 32},
        preprocessing=preprocessing,
        provenance={"summary": "drawn by chance", "data": ["a", "b"]},
        metrics={"auc": 0.5},
    )
    return Detector(telltrace.create_detector("meso4", image_size=32), card)


def test_a_folder_gives_the_same_scores(detector: Detector, tmp_path: Path) -> None:
    expected = detector.score(CROPS)
    written = hub.save_pretrained(detector, tmp_path / "shared")
    again = hub.from_pretrained(tmp_path / "shared")
    assert again.score(CROPS) == pytest.approx(expected, abs=1e-6)
    assert again.card == telltrace.load_detector(written).card == detector.card
    config = json.loads((tmp_path / "shared" / "config.json").read_text())
    assert (config["detector"], config["options"]) == ("meso4", {"image_size": 32})


def test_the_page_says_what_the_card_says(detector: Detector) -> None:
    page = hub.describe(detector.card)
    front, _, text = page.removeprefix("---\n").partition("---\n")
    assert "library_name: telltrace" in front
    for said in ("# meso4", "32 x 32 pixels", "drawn by chance", '["a", "b"]', "**auc**: `0.5`"):
        assert said in text
    assert "FAKE from | 0.500" in text


def test_the_detector_in_the_package_has_a_page() -> None:
    page = hub.describe(read_card(BUNDLED))
    assert "# blend_lite" in page
    assert "192 x 192" in page
    assert "research only" in page


def test_a_repository_is_found_in_the_cache(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub")
    folder = tmp_path / "models--somebody--mine"
    hub.save_pretrained(detector, folder / "snapshots" / ("a" * 40))
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    options = {"cache_dir": tmp_path, "local_files_only": True}
    found = hub.from_pretrained("somebody/mine", **options)
    assert found.card == detector.card
    with pytest.raises(CheckpointError, match="cannot be had from the hub") as error:
        hub.from_pretrained("somebody/other", **options)
    assert "Check the name and the network" in str(error.value)


def test_a_wrong_name_says_what_is_wanted(detector: Detector, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        hub.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"holds no model\.safetensors"):
        hub.from_pretrained(tmp_path)
    with pytest.raises(OptionError, match="OWNER/NAME"):
        hub.push_to_hub(detector, "mine")


def test_without_the_client_a_folder_still_works(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    hub.save_pretrained(detector, tmp_path)
    assert hub.from_pretrained(tmp_path).card == detector.card
    with pytest.raises(DependencyError, match=r"telltrace\[hub\]"):
        hub.from_pretrained("somebody/mine")


def test_what_is_uploaded_is_the_folder(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, object] = {}

    class Hub:
        @staticmethod
        def create_repo(name: str, **how: object) -> None:
            sent.update(name=name, **how)

        @staticmethod
        def upload_folder(repo_id: str, folder_path: str) -> str:
            sent["files"] = sorted(file.name for file in Path(folder_path).iterdir())
            return f"address of {repo_id}"

    monkeypatch.setattr(hub, "_client", lambda: Hub)
    assert hub.push_to_hub(detector, "somebody/mine") == "address of somebody/mine"
    files = ["README.md", "config.json", "model.safetensors"]
    assert sent == {"name": "somebody/mine", "private": True, "exist_ok": True, "files": files}


def test_an_ensemble_is_shared_as_one(detector: Detector, tmp_path: Path) -> None:
    combination = Combination(names=("a", "b"), weights=(1.0, 1.0))
    cards = (detector.card, detector.card)
    card = Card(
        detector=NAME, preprocessing=detector.card.preprocessing, members=cards,
        combination=combination,
    )  # fmt: skip
    other = Detector(telltrace.create_detector("meso4", image_size=32), detector.card)
    both = Ensemble([detector, other], card)
    hub.save_pretrained(both, tmp_path)
    assert hub.from_pretrained(tmp_path).score(CROPS) == pytest.approx(both.score(CROPS))
    assert "meso4, meso4" in (tmp_path / "README.md").read_text()
