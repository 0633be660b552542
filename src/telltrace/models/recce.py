"""RECCE: a network that redraws faces as real ones, and looks where the drawing fails."""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .xception import FEATURES, Block, SeparableConv2d, XceptionFeatures, load_imagenet

FAMILY, PAPER = "recce", "Cao et al., CVPR 2022"
WIDTH = 728
"""Channels of the maps that meet the decoder's."""
EMBEDDED = 256
"""Channels of a vertex."""


class Traces(NamedTuple):
    """What the detector saw, beside its answer."""

    logits: Tensor
    """(B, K)."""
    drawing: Tensor
    """(B, 3, H, W): the input redrawn, in [-1, 1]."""
    attention: Tensor
    """(B, 1, H / 16, W / 16): where the drawing differs in a way that matters, in (0, 1)."""


class Children(nn.Module):
    """What a place takes over from the places of a finer map that lie in it.

    Maps (B, 728, h, w), its embedding (B, 256, h, w), and the finer one (B, C, n h, n w) to
    (B, 256, h, w): a mean of the n^2 embedded children, weighed by how they go with their parent,
    and gated by the parent. Cao et al., section 3.3, equations 5 and 6.
    """

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.embed = nn.Sequential(
            nn.Linear(channels, EMBEDDED, bias=False), nn.ReLU(inplace=True),
            nn.Linear(EMBEDDED, EMBEDDED, bias=False),
        )  # fmt: skip
        self.gate = nn.Conv2d(WIDTH, EMBEDDED, 1, bias=False)
        self.compare = nn.Linear(2 * EMBEDDED, 1, bias=False)

    def forward(self, parent: Tensor, embedded: Tensor, finer: Tensor) -> Tensor:
        n, (h, w) = self.scale, parent.shape[-2:]
        cells = finer.reshape(*finer.shape[:2], h, n, w, n)
        children = self.embed(cells.permute(0, 2, 4, 3, 5, 1).flatten(3, 4))  # B, h, w, n^2, 256
        own = embedded.permute(0, 2, 3, 1)[..., None, :].expand_as(children)
        weights = self.compare(torch.cat([own, children], -1)).relu().softmax(3)
        taken = (weights * children).sum(3).permute(0, 3, 1, 2)
        return taken * (1 - self.gate(parent).sigmoid())


class Reasoning(nn.Module):
    """Join a map with two of the decoder's: (B, 728, h, w), (B, 256, 2h, 2w), (B, 128, 4h, 4w).

    The result has the first one's shape. Cao et al., section 3.3.
    """

    def __init__(self, drop_rate: float) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(WIDTH, EMBEDDED, 1, bias=False), nn.ReLU(inplace=True),
            nn.Conv2d(EMBEDDED, EMBEDDED, 1, bias=False),
        )  # fmt: skip
        self.coarse, self.fine = Children(256, 2), Children(128, 4)
        self.project = nn.Sequential(
            nn.Conv2d(3 * EMBEDDED, WIDTH, 1, bias=False), nn.ReLU(inplace=True),
            nn.Conv2d(WIDTH, WIDTH, 1, bias=False), nn.Dropout(drop_rate),
        )  # fmt: skip

    def forward(self, x: Tensor, coarse: Tensor, fine: Tensor) -> Tensor:
        own = self.embed(x)
        parts = [self.coarse(x, own, coarse), self.fine(x, own, fine), own]
        return self.project(torch.cat(parts, 1).sigmoid())


class DrawingAttention(nn.Module):
    """Weigh places by the difference of input and drawing: (B, 728, h, w) to the same.

    Cao et al., section 3.4, reconstruction guided attention.
    """

    def __init__(self, drop_rate: float) -> None:
        super().__init__()
        self.places = nn.Sequential(
            nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.ReLU(inplace=True),
            nn.Conv2d(3, 1, 1, bias=False), nn.Sigmoid(),
        )  # fmt: skip
        self.amplify = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)
        )
        self.dropout = nn.Dropout(drop_rate)

    def forward(self, x: Tensor, difference: Tensor) -> tuple[Tensor, Tensor]:
        """The map, and where the attention went, (B, 1, h, w)."""
        places = self.places(resized(difference, x.shape[-2:]))
        return places * self.amplify(x) + self.dropout(x), places


def resized(x: Tensor, size: torch.Size) -> Tensor:
    """Bilinear, the corners' centres on the corners' centres."""
    return F.interpolate(x, size=list(size), mode="bilinear", align_corners=True)


def enlarge(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice the size, then a separable convolution."""
    conv, norm = SeparableConv2d(in_channels, out_channels), nn.BatchNorm2d(out_channels)
    return nn.Sequential(nn.Upsample(scale_factor=2), conv, norm, nn.ReLU(inplace=True))


class RECCE(nn.Module):
    """Xception whose entry also feeds a decoder: (B, 3, H, W) to (B, num_classes) logits.

    The decoder's maps and the difference of its drawing and the input guide the middle flow. The
    authors train it to redraw real faces only; by its logits alone it learns as well.
    ``weights`` as of :func:`~telltrace.models.xception.load_imagenet`.

    References:
        Cao et al., "End-to-End Reconstruction-Classification Learning for Face Forgery Detection",
        CVPR 2022, figure 2.
    """

    def __init__(
        self, *, num_classes: int = 2, drop_rate: float = 0.2, weights: str | Path | None = None
    ) -> None:
        super().__init__()
        self.features = XceptionFeatures()
        self.decoder1 = nn.Sequential(enlarge(WIDTH, 256), Block(256, 256, 256, 256))
        self.decoder2 = nn.Sequential(enlarge(256, 128), Block(128, 128, 128, 128))
        draw = nn.Conv2d(64, 3, 1, bias=False)
        self.decoder3 = nn.Sequential(enlarge(128, 64), draw, nn.Tanh())
        self.reasoning, self.attention = Reasoning(drop_rate), DrawingAttention(drop_rate)
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(FEATURES, num_classes)
        load_imagenet(self.features, weights)

    def forward(self, image: Tensor) -> Tensor:
        return self.traces(image).logits

    def traces(self, image: Tensor) -> Traces:
        """Answer, and show the drawing that the answer rests on; its training asks for this."""
        flow, first = self.features, self.features.middle_first
        x = first[0](flow.entry(flow.stem2(flow.stem1(image))))
        coarse = self.decoder1(self.dropout(x))
        fine = self.decoder2(coarse)
        drawing = resized(self.decoder3(fine), image.shape[-2:])
        x = first[1:](x)
        x = flow.middle_second[0](self.reasoning(x, coarse, fine) + x)
        x, places = self.attention(x, (image - drawing).abs())
        x = flow.tail(flow.exit(flow.middle_second[1:](x)))
        return Traces(self.head(self.dropout(x.relu().mean((2, 3)))), drawing, places)
