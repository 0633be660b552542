from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_model

from telltrace.losses import Hypersphere
from telltrace.models import create_detector

NAME = "ln_tuned:test_vit"
"""timm's smallest transformer."""


def test_the_head_reads_unit_features_and_nothing_but_norms_and_head_learns() -> None:
    detector = create_detector(NAME, image_size=64).train()
    images, labels = torch.rand(4, 3, 64, 64), torch.tensor([0, 1, 0, 1])
    logits, features = detector.verdicts(images)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(logits, detector(images))
    objective = Hypersphere()
    losses = objective(detector, images, labels)
    total = losses["verdict"] + 0.1 * losses["alignment"] + 0.5 * losses["uniformity"]
    torch.testing.assert_close(losses["loss"], total)
    losses["loss"].backward()
    for name, parameter in detector.named_parameters():
        learns = "norm" in name or name.startswith("head.")
        assert (parameter.grad is not None and bool(parameter.grad.any())) == learns, name


def test_without_normalisation_it_is_timms_network(tmp_path: Path) -> None:
    given = timm.create_model("test_vit", num_classes=2).eval()
    save_model(given, str(tmp_path / "vit.safetensors"))
    detector = create_detector(NAME, weights=tmp_path / "vit.safetensors", normalize=False).eval()
    detector.head.load_state_dict(given.head.state_dict())
    image = torch.rand(1, 3, 160, 160)
    with torch.inference_mode():
        torch.testing.assert_close(detector(image), given(image))


def test_a_network_without_layer_norms_is_refused() -> None:
    with pytest.raises(ValueError, match=r"resnet10t has no LayerNorm to tune. Name a transformer"):
        create_detector("ln_tuned:resnet10t")
