import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from telltrace.checkpoint import load_detector, read_tensors, write_tensors
from telltrace.cli import main
from telltrace.data.manifest import read_manifest, write_manifest
from telltrace.errors import CheckpointError, MediaError
from telltrace.evaluation.scores import read_scores
from telltrace.models import create_detector
from telltrace.training import DataConfig, OptimConfig, train
from telltrace.training.initialize import start_from

from .conftest import SMALL

DATA = DataConfig(image_size=32, batch_size=4, augmentation="none")
OPTIM = OptimConfig(epochs=3, lr=1e-3, schedule="constant")


@pytest.fixture(scope="module")
def trained(crops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    return train(manifest=[crops], out=out, data=DATA, optim=OPTIM, **SMALL)


def test_a_run_leaves_what_a_reader_needs(trained: Path, crops: Path) -> None:
    out = trained.parent
    recipe = json.loads((out / "recipe.json").read_text())
    assert recipe["detector"] == "meso4"
    assert recipe["manifest"] == [str(crops)]
    metrics = pd.read_csv(out / "metrics.csv")
    assert metrics.epoch.tolist() == [1, 2, 3]
    assert metrics.loss.notna().all()
    assert list(out.glob("events.out.tfevents.*"))
    card = load_detector(trained).card
    assert card.options == {"image_size": 32}  # a network of fixed size gets the data's
    assert card.provenance["faces"]["train"] == {"bright": 6, "real": 6}
    assert "noise" in card.provenance["summary"]
    assert str(crops.parent) not in card.to_json()
    best = metrics.val_auc.max()
    assert card.metrics["validation"]["val_auc"] == pytest.approx(best)


def test_the_kept_epoch_scores_as_validation_said(
    trained: Path, crops: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "scores.csv"
    code = main(
        [
            "predict",
            str(crops),
            "--checkpoint",
            str(trained),
            "--split",
            "val",
            "--out",
            str(scores),
        ]
    )
    assert code == 0
    table = read_scores(scores)
    assert len(table) == 6
    from sklearn.metrics import roc_auc_score

    expected = load_detector(trained).card.metrics["validation"]["val_auc"]
    assert roc_auc_score(table.label, table.score) == pytest.approx(expected)


def test_training_starts_from_given_weights(
    trained: Path, crops: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    still = OptimConfig(epochs=1, lr=1e-12, schedule="constant")
    with caplog.at_level("INFO", logger="telltrace"):
        more = train(
            manifest=[crops], out=tmp_path / "more", data=DATA, optim=still, from_=trained, **SMALL
        )
    given, _ = read_tensors(trained)
    taken, _ = read_tensors(more)
    for name in given:
        if "running" not in name and "tracked" not in name:
            assert torch.allclose(taken[name], given[name], atol=1e-6), name
    assert f"{len(given)} of the network's {len(given)} tensors were taken" in caplog.text
    assert json.loads((more.parent / "recipe.json").read_text())["from_"] == str(trained)


def test_what_does_not_match_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = create_detector("meso4", num_classes=3).state_dict()
    write_tensors(tmp_path / "three.safetensors", state | {"extra": torch.ones(1)}, {})
    with caplog.at_level("INFO", logger="telltrace"):
        start_from(create_detector("meso4"), tmp_path / "three.safetensors")
    assert re.search(r"2 stay fresh \(.*weight, .*bias\); 3 were not used \(extra, ", caplog.text)
    write_tensors(tmp_path / "other.safetensors", {"extra": torch.ones(1)}, {})
    with pytest.raises(CheckpointError, match=r"other.safetensors: has no tensor of a .*Name the"):
        start_from(create_detector("meso4"), tmp_path / "other.safetensors")


@pytest.mark.parametrize("saved", [False, True], ids=["option", "file"])
@pytest.mark.parametrize("name", ["from", "from_"])
def test_the_command_calls_it_from(
    name: str, saved: bool, crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "call.yaml").write_text(f"{name}: absent.pth\n")
    given = ["--config", str(tmp_path / "call.yaml")] if saved else [f"--{name}", "absent.pth"]
    call = ["train", "--manifest", str(crops), "--out", str(tmp_path / "run"), *given]
    assert main(call) == 2
    assert "absent.pth: There is no such weights file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "test"}, "No face crop belongs to the split 'train'"),
        ({"label": 0, "method": "real"}, "holds reals only"),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused(
    crops: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    table = read_manifest(crops).assign(**change)
    table["video"] = [f"{v}-{i}" for i, v in enumerate(table.video)]
    folder = tmp_path / "crops"
    folder.mkdir()
    write_manifest(table, folder / "manifest.csv")
    (folder / "prepare.json").write_text((crops.parent / "prepare.json").read_text())
    with pytest.raises(ValueError, match=message):
        train(manifest=[folder / "manifest.csv"], out=tmp_path / "run", data=DATA, **SMALL)


def test_a_missing_crop_is_named_before_training_starts(crops: Path, tmp_path: Path) -> None:
    table = read_manifest(crops)
    table.loc[0, "path"] = str(tmp_path / "lost.png")
    write_manifest(table, tmp_path / "manifest.csv")
    (tmp_path / "prepare.json").write_text((crops.parent / "prepare.json").read_text())
    with pytest.raises(MediaError, match=r"lost\.png: the crop does not exist"):
        train(manifest=[tmp_path / "manifest.csv"], out=tmp_path / "run", data=DATA, **SMALL)
    assert not (tmp_path / "run").exists()


def test_manifests_cut_in_two_ways_are_not_mixed(
    trained: Path, crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_manifest(crops).assign(dataset="other")
    write_manifest(table, tmp_path / "manifest.csv")
    about = json.loads((crops.parent / "prepare.json").read_text())
    about["crop"]["alignment"] = "similarity"
    (tmp_path / "prepare.json").write_text(json.dumps(about))
    both = [crops, tmp_path / "manifest.csv"]
    with pytest.raises(ValueError, match="Prepare both with the same"):
        train(manifest=both, out=tmp_path / "run", data=DATA, **SMALL)
    code = main(
        ["predict", str(both[1]), "--checkpoint", str(trained), "--out", str(tmp_path / "s.csv")]
    )
    assert code == 2
    assert "Prepare the media again" in capsys.readouterr().err


def test_training_learns_what_is_there_to_learn(crops: Path, tmp_path: Path) -> None:
    best = train(
        manifest=[crops],
        out=tmp_path / "run",
        data=DATA,
        optim=OptimConfig(epochs=24, lr=3e-3, schedule="constant"),
        precision="32-true",
        **SMALL,
    )
    losses = pd.read_csv(best.parent / "metrics.csv").val_log_loss
    assert losses.iloc[-1] < 0.1 * losses.iloc[0]  # of faces that it never saw
    assert load_detector(best).card.metrics["validation"]["val_auc"] == 1.0


def test_a_run_of_the_previous_version_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its two epochs are done; a third is trained as if the recipe had asked for three."""
    files = Path(__file__).parents[1] / "contract" / "files_of_0_1"
    shutil.copytree(files / "run", tmp_path / "run")
    last = tmp_path / "run" / "last.safetensors"
    tensors, metadata = read_tensors(last)
    state = json.loads(metadata["state"])
    state["recipe"]["optim"]["epochs"] = 3
    write_tensors(last, tensors, {"state": json.dumps(state)})
    monkeypatch.chdir(files)
    call = ["train", "--config", "run/recipe.json", "--out", str(last.parent), "--device", "cpu"]
    assert main([*call, "--optim.epochs", "3"]) == 0
    metrics = pd.read_csv(last.parent / "metrics.csv")
    assert metrics.epoch.tolist() == [1, 2, 3]
    assert metrics.loss.tolist()[:2] == pd.read_csv("run/metrics.csv").loss.tolist()
    assert main([*call, "--optim.epochs", "4"]) == 2
    assert "started with optim.epochs = 3, now it is 4" in capsys.readouterr().err


def test_a_yaml_file_may_name_one_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.yaml").write_text(f"manifest: {tmp_path}/none.csv\nout: {tmp_path}/run\n")
    assert main(["train", "--config", str(tmp_path / "one.yaml")]) == 2
    assert "none.csv: is not a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("optim.epochs", "0", "epochs must be at least 1, got 0"),
        ("optim.lr", "-1", "lr must be positive, got -1.0"),
        ("data.batch_size", "0", "batch_size must be at least 1, got 0"),
        ("save_every", "0", "save_every must be at least 1, got 0"),
    ],
)
def test_a_bad_value_is_one_sentence(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["train", "--manifest", "none.csv", "--out", "none", f"--{option}={value}"]
    assert main(call) == 2
    assert capsys.readouterr().err == f"telltrace: {message}.\n"
