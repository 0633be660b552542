import copy

import pytest
import torch
from torch import nn

from telltrace.models.registry import create_detector
from telltrace.training.initialize import recompute_blocks


def step(network: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Logits, gradients and statistics of one step."""
    torch.manual_seed(1)
    logits = network(images)
    logits.square().sum().backward()
    gradients = {k: p.grad for k, p in network.named_parameters() if p.grad is not None}
    return {"logits": logits, **gradients, **dict(network.named_buffers())}


@pytest.mark.parametrize(
    ("name", "options", "blocks"),
    [
        ("sfi_resnet26", {}, 8),
        ("mobilenet", {}, 17),
        ("ib_resnet34", {"num_blocks": 2}, 16),
        ("m2tr", {"image_size": 64}, 3),
    ],
)
def test_blocks_computed_again_change_no_bit(name: str, options: dict, blocks: int) -> None:
    torch.manual_seed(0)
    plain = create_detector(name, **options).train()
    thrifty = copy.deepcopy(plain)
    assert recompute_blocks(thrifty) >= blocks
    images = torch.rand(2, 3, 64, 64)
    expected, found = step(plain, images), step(thrifty, images)
    assert expected.keys() == found.keys()
    for key, tensor in found.items():
        assert torch.equal(tensor, expected[key]), key
    assert thrifty.state_dict().keys() == plain.state_dict().keys()


def test_activations_are_forgotten() -> None:
    """What autograd keeps between the passes shrinks to less than half."""

    def kept(network: nn.Module) -> int:
        total = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            network(torch.rand(1, 3, 64, 64))
        return total

    network = create_detector("resnet26").train()
    weights = sum(p.numel() for p in network.parameters())
    whole = kept(network) - weights
    recompute_blocks(network)
    assert kept(network) < 0.5 * whole


def test_judging_is_not_touched() -> None:
    torch.manual_seed(0)
    network = create_detector("resnet26").eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        before = network(images)
        recompute_blocks(network)
        assert torch.equal(network(images), before)


def test_a_network_without_blocks_has_none() -> None:
    assert recompute_blocks(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))) == 0
