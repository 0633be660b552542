"""A small vision transformer whose LayerNorms alone learn."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from telltrace.checkpoint import load_detector
from telltrace.models import create_detector
from telltrace.training import DataConfig, OptimConfig, train

NAME = "ln_tuned:test_vit"


def test_it_is_trained_from_nothing(tmp_path: Path, crops: Path) -> None:
    out = tmp_path / "run"
    best = train(
        manifest=[crops],
        out=out,
        detector=NAME,
        options={"image_size": 32},
        data=DataConfig(image_size=32, batch_size=6, augmentation="none"),
        optim=OptimConfig(epochs=4, lr=1e-2, schedule="constant"),
        device="cpu",
    )
    detector = load_detector(best)
    assert detector.card.metrics["validation"]["val_auc"] == 1.0
    torch.manual_seed(7)  # the run's
    fresh = create_detector(NAME, image_size=32).state_dict()
    for name, tensor in load_file(best).items():
        assert torch.equal(tensor, fresh[name]) != ("norm" in name or name.startswith("head.")), (
            name
        )
