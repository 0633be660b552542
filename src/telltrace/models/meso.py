"""MesoNet: two tiny networks for the mesoscopic traces that forgery leaves in a face."""

from typing import Literal

import torch
from torch import Tensor, nn

from telltrace.errors import OptionError

from .backbones import require_multiple, require_size

FAMILY, PAPER = "meso", "Afchar et al., WIFS 2018"

Layout = Literal["torch", "keras"]
"""Whose MesoNet: ``"keras"`` is the authors' own, ``"torch"`` the port that benchmarks run.

======================  =================================  =====================================
\\                       ``"torch"``                        ``"keras"``
======================  =================================  =====================================
convolutions            without a bias                     with a bias
inside the inceptions   nothing between convolutions       ReLU behind each convolution
normalisation           one BatchNorm for layers of equal  one BatchNorm for each layer,
                        width, epsilon 1e-5                epsilon 1e-3, a tenth of the momentum
======================  =================================  =====================================

In both a layer is convolution, ReLU (if any), BatchNorm, pooling, in this order.
"""

_POOLS = (2, 2, 2, 4)
STRIDE = 32
"""Pixels of the image to a cell of the last map."""


class Inception(nn.Module):
    """Four views of a map side by side: 1x1, and 3x3 with dilation 1, 2 and 3 behind a 1x1."""

    def __init__(self, in_channels: int, widths: tuple[int, int, int, int], own: bool) -> None:
        super().__init__()
        act = nn.ReLU if own else nn.Identity
        self.branches = nn.ModuleList()
        for dilation, width in enumerate(widths):
            branch = [nn.Conv2d(in_channels, width, 1, bias=own), act()]
            if dilation:
                wide = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=own)
                branch += [wide, act()]
            self.branches.append(nn.Sequential(*branch))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class MesoNet(nn.Module):
    """Four layers, then two linear ones: (B, 3, image_size, image_size) to logits (B, num_classes).

    Args:
        inceptions: 0 for Meso-4, four plain convolutions; 2 for MesoInception-4, whose first two
            layers are inceptions of dilated convolutions.
        image_size: Side of the image, in pixels: a multiple of 32. The first linear layer
            has a weight for every cell of the last map.
        layout: See :data:`Layout`.

    Raises:
        OptionError: If ``image_size`` is no multiple of 32, or an image of another size comes.

    References:
        Afchar et al., "MesoNet: a Compact Facial Video Forgery Detection Network", WIFS 2018,
        https://arxiv.org/abs/1809.00888, figures 3 and 4.
    """

    def __init__(
        self,
        inceptions: Literal[0, 2],
        *,
        num_classes: int = 2,
        image_size: int = 256,
        layout: Layout = "torch",
        drop_rate: float = 0.5,
    ) -> None:
        super().__init__()
        require_multiple(image_size, STRIDE)
        if layout not in ("torch", "keras"):
            raise OptionError(f'layout must be "torch" or "keras", got {layout!r}.')
        self.layout, self.image_size = layout, image_size
        widths = (11, 12, 16, 16) if inceptions else (8, 8, 16, 16)
        own = layout == "keras"
        self.layers = nn.ModuleList()
        if inceptions:
            self.layers += [Inception(3, (1, 4, 4, 2), own), Inception(11, (2, 4, 4, 2), own)]
        else:
            self.layers += [_layer(3, 8, 3, own), _layer(8, 8, 5, own)]
        self.layers += [_layer(widths[1], 16, 5, own), _layer(16, 16, 5, own)]
        shared = [i for i, width in enumerate(widths) if own or width not in widths[:i]]
        self.norm_of = [i if own else shared.index(widths.index(w)) for i, w in enumerate(widths)]
        eps, momentum = (1e-3, 0.01) if own else (1e-5, 0.1)
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(widths[i], eps=eps, momentum=momentum) for i in shared
        )
        self.pools = nn.ModuleList(nn.MaxPool2d(side) for side in _POOLS)
        self.head = nn.Sequential(
            nn.Dropout(drop_rate),
            nn.Linear(widths[-1] * (image_size // STRIDE) ** 2, 16),
            nn.LeakyReLU(0.1),
            nn.Dropout(drop_rate),
            nn.Linear(16, num_classes),
        )
        for module in self.modules() if own else ():  # as Keras does
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                module.bias.data.zero_()  # type: ignore[union-attr]

    def forward(self, image: Tensor) -> Tensor:
        require_size(image, self.image_size)
        x = image
        for layer, norm, pool in zip(self.layers, self.norm_of, self.pools, strict=True):
            x = pool(self.norms[norm](layer(x)))
        return self.head(x.flatten(1))


def _layer(in_channels: int, out_channels: int, kernel_size: int, own: bool) -> nn.Module:
    pad = kernel_size // 2
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=pad, bias=own)
    return nn.Sequential(conv, nn.ReLU())
