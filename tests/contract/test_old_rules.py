"""Rules of published training code that go wrong unseen: what each gives, and what ours does.

Rules of metrics have theirs in tests/evaluation/test_flattery.py and test_compat.py, the halved
divergence and parameters that never learn in tests/losses and tests/models.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from telltrace.cli import COMMANDS
from telltrace.data.manifest import check_manifest
from telltrace.data.split_checks import SplitError, check_splits
from telltrace.data.transforms import Preprocessing
from telltrace.errors import OptionError
from telltrace.evaluation import auc
from telltrace.losses import CrossEntropy
from telltrace.training import ObjectiveConfig, OptimConfig
from telltrace.training.loop import State, fit


def objective(*options: str) -> ObjectiveConfig:
    call = ["--manifest", "faces.csv", "--out", "run", *options]
    found: ObjectiveConfig = COMMANDS["train"].parse("train", call)["objective"]
    return found


def test_false_is_false() -> None:
    assert bool("False") is True  # `type=bool` of argparse
    assert objective("--objective.use_local", "False").use_local is False
    assert objective().use_local is True


def test_a_list_is_no_row_of_characters() -> None:
    assert list("1,2,10") == ["1", ",", "2", ",", "1", "0"]  # `type=list` of argparse
    assert objective("--objective.scales", "[1, 2, 10]").scales == (1.0, 2.0, 10.0)
    with pytest.raises(OptionError):
        objective("--objective.scales", "1,2,10")


def test_red_is_normalised_as_red() -> None:
    red = np.zeros((1, 2, 2, 3), np.uint8)
    red[..., 0] = 255
    found = Preprocessing(image_size=2).tensor(red)[0, :, 0, 0].numpy()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    swapped = (np.array([0, 0, 1]) - mean) / std  # pixels as OpenCV reads them
    assert found == pytest.approx((np.array([1, 0, 0]) - mean) / std, abs=1e-5)
    assert np.abs(found - swapped).max() > 4


def epoch(number: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
    rng = torch.Generator().manual_seed(number)
    for _ in range(start, 4):
        images = torch.randint(0, 256, (8, 2, 2, 3), generator=rng, dtype=torch.uint8)
        yield images, torch.randint(0, 2, (8,), generator=rng)


def test_the_optimizer_outlives_an_epoch() -> None:
    """Made anew, Adam forgets its averages: its first step is the learning rate, whatever comes."""
    fabric = Fabric(accelerator="cpu", devices=1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    wrapped, optimizer = fabric.setup(network, torch.optim.Adam(network.parameters(), lr=0.01))
    fit(
        State(wrapped, CrossEntropy(), optimizer), epoch, fabric,
        optim=OptimConfig(epochs=3, lr=0.01, schedule="constant"), steps=4,
        to_input=lambda x: x.permute(0, 3, 1, 2) / 255,
    )  # fmt: skip
    assert optimizer.state_dict()["state"][0]["step"] == 12  # of the last epoch alone: 4
    weight = nn.Parameter(torch.zeros(1))
    for gradient in (1e-3, 100.0):
        before, weight.grad = weight.item(), torch.tensor([gradient])
        torch.optim.Adam([weight], lr=0.01).step()
        assert before - weight.item() == pytest.approx(0.01, rel=1e-3)


def faces(first: int, split: str) -> pd.DataFrame:
    """A hundred people, each in one video, real or forged by chance."""
    person = [str(first + number) for number in range(100)]
    label = np.random.default_rng(first).integers(0, 2, 100)
    method = np.where(label == 1, "paste", "real")
    paths = [f"{split}/{one}.mp4" for one in person]
    columns = {"path": paths, "label": label, "method": method, "video": person, "identity": person}
    return pd.DataFrame(columns).assign(dataset="own", compression="", split=split)


def memorised(train: pd.DataFrame, judged: pd.DataFrame) -> float:
    """The AUC of a detector that knows by heart who was forged, and else guesses."""
    known = dict(zip(train.identity, train.label, strict=True))
    return auc(judged.label, [float(known.get(one, 0.5)) for one in judged.identity])


def test_a_test_set_that_was_learnt_from_is_refused() -> None:
    """Validation that is the test set, or training that keeps its videos, rewards memory."""
    train, test = faces(0, "train"), faces(0, "test")
    assert memorised(train, test) == 1.0
    with pytest.raises(SplitError, match="a face must not be both learnt from and judged"):
        check_splits(check_manifest(pd.concat([train, test], ignore_index=True)))
    apart = faces(100, "test")
    assert memorised(train, apart) == 0.5
    check_splits(check_manifest(pd.concat([train, apart], ignore_index=True)))
