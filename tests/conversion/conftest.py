"""What tests of the converter share."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from telltrace.conversion import pairs
from telltrace.layers import ConstrainedConv2d, space_frequency


@pytest.fixture(scope="session")
def make_identity() -> Callable[[nn.Module], nn.Module]:
    """Lets every constrained kernel of a network pass its input unchanged."""

    @torch.no_grad()
    def make(model: nn.Module) -> nn.Module:
        for part in model.modules():
            if isinstance(part, ConstrainedConv2d):
                part.kind = "constant"
                part.weight.zero_()
                part.weight[..., part.kernel_size // 2, part.kernel_size // 2] = 1
        return model

    return make


@pytest.fixture
def equal_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frequency streams keep their size, whatever beta says: pairs must equal one tensor."""
    for module in (pairs, space_frequency):
        monkeypatch.setattr(module, "shrink", lambda size, beta: size)
