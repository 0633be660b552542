"""GenD's released detector answers as published; it is large, so one test builds it, once."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.errors import CheckpointError
from telltrace.published import load_published

TAPS = {
    "pre_layrnorm": "norm_pre",
    "encoder.layers.0": "blocks.0",
    "encoder.layers.11": "blocks.11",
    "encoder.layers.23": "blocks.23",
}
"""Published names of parts, below ``feature_extractor.vision_model``, and ours."""


def test_equals_the_published_network(golden: Callable[[str], Any]) -> None:
    published = golden("gend_clip_l14")
    detector: Any = load_published("gend_clip_l14", published.state).eval()
    published.state.clear()  # two gigabytes
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda module, inputs, output: seen.update({name: output})

    for theirs, ours in TAPS.items():
        detector.backbone.get_submodule(ours).register_forward_hook(keep(theirs))
    detector.backbone.register_forward_hook(keep(""))
    with torch.inference_mode():
        logits, unit = detector.verdicts(published.images)
        linear = detector.head(seen[""])
    for theirs, output in seen.items():
        name = f"feature_extractor.vision_model.{theirs}" if theirs else "feature_extractor"
        (tap,) = published.numbers["taps"][name]
        found = [output.mean(), output.std(), *output.flatten()[:4]]
        wanted = [tap["mean"], tap["std"], *tap["first"]]
        assert [float(x) for x in found] == pytest.approx(wanted, rel=1e-8), theirs
    for found, name in ((logits, "logits"), (linear, "logits_head_linear")):
        expected = torch.tensor(published.numbers[name], dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=0)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(1, dtype=torch.float64))
    unused = 768 * 1024  # the projection into the space of texts
    counted = sum(p.numel() for p in detector.parameters())
    assert counted == published.numbers["parameters"] - unused
    learn = [name for name, p in detector.named_parameters() if p.requires_grad]
    assert all("norm" in name or name.startswith("head.") for name in learn)
    assert len(learn) == 2 * (2 * 24 + 2) + 2


def test_another_file_is_refused_with_the_names_expected() -> None:
    with pytest.raises(CheckpointError, match=r"not GenD .* has no feature_extractor\..* but fc"):
        load_published("gend_clip_l14", {"fc.weight": torch.zeros(2, 1024)})
