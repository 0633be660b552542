"""Networks of timm in space-frequency form, by name."""

import pytest
import torch

from telltrace.layers import SFIConv2d
from telltrace.models import create_detector


def test_converts_by_name() -> None:
    detector = create_detector("sfi:resnet10t", alpha=0.25, beta=0.5, kernel_size=3)
    parts = [part for part in detector.modules() if isinstance(part, SFIConv2d)]
    assert {(part.alpha, part.beta) for part in parts} == {(0.25, 0.5)}
    assert next(part for part in parts if part.stage == 1).traces.kernel_size == 3
    assert detector(torch.rand(2, 3, 64, 64)).shape == (2, 2)


def test_keeps_the_weights_of_its_vanilla_twin() -> None:
    torch.manual_seed(3)
    vanilla = create_detector("timm:resnet10t").state_dict()
    torch.manual_seed(3)
    converted = create_detector("sfi:resnet10t").state_dict()
    assert vanilla.keys() < converted.keys()
    assert all(torch.equal(converted[name], tensor) for name, tensor in vanilla.items())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sfi:resnet1O", {}, "timm has no network"),
        ("sfi:vit_tiny_patch16_224", {}, "use a convolutional network"),
        ("sfi:resnet10t", {"depth": 3}, "has no option 'depth'. It has: alpha, beta"),
        ("timm-resnet18", {}, "Did you mean"),
    ],
)
def test_says_what_would_work(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create_detector(name, **options)
