from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.models import create_detector
from telltrace.published import export_published, load_published
from telltrace.published.sficonv import WRAPPER

NUMBERS = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}


def wrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of the released ``MainNet`` around the network."""
    parts = ((name, *name.partition(".")[::2]) for name in state)
    return {
        name if part == "fc" else f"{WRAPPER}{NUMBERS[part]}.{rest}": state[name]
        for name, part, rest in parts
    }


@pytest.fixture(scope="module")
def small() -> dict[str, Tensor]:
    return export_published(create_detector("sfi_resnet26"))


@pytest.mark.parametrize("name", ["sfi_resnet26", "sfi_resnet50", "sfi_resnet101"])
def test_equals_the_released_network(name: str, golden: Callable[[str], Any]) -> None:
    released = golden(name)
    detector = load_published(name, released.state).eval()
    seen: dict[str, Tensor] = {}
    for tap in ("maxpool", "layer1", "layer2", "layer3", "layer4"):
        detector.get_submodule(tap).register_forward_hook(
            lambda module, inputs, out, tap=tap: seen.__setitem__(tap, out)
        )
    with torch.inference_mode():
        logits = detector(released.images)
    theirs = torch.tensor(released.numbers["logits"], dtype=torch.float64)
    torch.testing.assert_close(logits, theirs, rtol=1e-8, atol=0)
    for tap, out in seen.items():
        streams = released.numbers["taps"][tap]
        sizes = [stream["shape"][1] for stream in streams]
        for part, stream in zip(out.split(sizes, dim=1), streams, strict=True):
            assert part.mean().item() == pytest.approx(stream["mean"], rel=1e-8)
            assert part.std().item() == pytest.approx(stream["std"], rel=1e-8)
    again = export_published(detector)
    assert again.keys() == released.state.keys()
    assert all(torch.equal(again[key], tensor) for key, tensor in released.state.items())


@pytest.mark.parametrize("prefix", ["", "module.", "module.net."])
@pytest.mark.parametrize("wrap", [dict, wrapped])
def test_reads_every_layout_of_the_checkpoint(
    prefix: str, wrap: Callable[[dict[str, Tensor]], dict[str, Tensor]], small: dict[str, Tensor]
) -> None:
    state = {f"{prefix}{name}": tensor for name, tensor in wrap(small).items()}
    again = export_published(load_published("sfi_resnet26", state))
    assert again.keys() == small.keys()
    assert all(torch.equal(again[key], tensor) for key, tensor in small.items())


def test_a_trained_kernel_is_released_as_it_was_in_force() -> None:
    ours = create_detector("sfi_resnet26", num_classes=3).eval()
    nn.init.normal_(ours.layer1[0].conv1.traces.weight)
    theirs = load_published("sfi_resnet26", export_published(ours)).eval()
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(theirs(image), ours(image))


def test_names_what_is_wrong_with_a_state_dict(small: dict[str, Tensor]) -> None:
    without = {name: tensor for name, tensor in small.items() if name != "layer4.1.bn2.bias"}
    with pytest.raises(ValueError, match=r"has no layer4\.1\.bn2\.bias"):
        load_published("sfi_resnet26", without)
    with pytest.raises(ValueError, match=r"has no layer1\.2\.SFIC1"):
        load_published("sfi_resnet50", small)
    narrow = small | {"conv1.weight": torch.ones(64, 1, 7, 7)}
    with pytest.raises(ValueError, match=r"conv1\.weight \(64, 1, 7, 7\) instead of \(64, 3, 7"):
        load_published("sfi_resnet26", narrow)
    for other in ({}, {"head.weight": torch.ones(2)}, create_detector("mobilenet").state_dict()):
        with pytest.raises(ValueError, match="not a released sfi_resnet26"):
            load_published("sfi_resnet26", other)


def test_says_which_layouts_are_known() -> None:
    with pytest.raises(ValueError, match=r"'resnet26'; there are .*sfi_resnet26"):
        load_published("resnet26", {})
    with pytest.raises(ValueError, match=r"MobileNet has no published layout; .*ResNet"):
        export_published(create_detector("mobilenet"))
    for options in ({"alpha": 0.25}, {"beta": 0.5}, {"kernel_size": 3}, {"traces": "none"}):
        with pytest.raises(ValueError, match=r"released|Released"):
            export_published(create_detector("sfi_resnet26", **options))
    with pytest.raises(ValueError, match="Only SFI-ResNets"):
        export_published(create_detector("resnet26"))
