"""AMTENnet: a small network behind a module that learns which manipulation traces to keep."""

import torch
from torch import Tensor, nn

from telltrace.errors import OptionError

from .backbones import require_size

FAMILY, PAPER = "amtennet", "Guo et al., CVIU 2021"

HIDDEN = 300
SMALLEST = 32


def _stage(before: int, after: int, side: int, padding: int = 0) -> nn.Sequential:
    conv, pool = nn.Conv2d(before, after, side, padding=padding), nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(conv, pool, nn.ReLU(inplace=True))


class TraceExtraction(nn.Module):
    """AMTEN, adaptive trace extraction (Guo et al., CVIU 2021): (B, 3, H, W) to (B, 12, H, W).

    A convolution predicts the image; what it misses are the traces. They are then convolved
    twice, twice over, and every time laid beside what they were. There is no activation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.predict = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.first = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)))
        self.second = nn.Sequential(*(nn.Conv2d(6, 6, 3, padding=1) for _ in range(2)))

    def forward(self, image: Tensor) -> Tensor:
        traces = self.predict(image) - image
        traces = torch.cat((self.first(traces), traces), 1)
        return torch.cat((self.second(traces), traces), 1)


class AMTENnet(nn.Module):
    """Trace extraction, four convolutions and three linear layers.

    (B, 3, image_size, image_size) to (B, num_classes) logits.

    Args:
        image_size: Side of the image, in pixels; the first linear layer is built for it.
        reference_compatible: No activation between the linear layers, as in the prototxt;
            together they can then do no more than one of them.

    Raises:
        OptionError: If ``image_size`` is below 32, or an image of another size comes.

    References:
        Guo et al., "Fake face detection via adaptive manipulation traces extraction network",
        CVIU 2021, and its published prototxt.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        image_size: int = 256,
        drop_rate: float = 0.0,
        reference_compatible: bool = False,
    ) -> None:
        super().__init__()
        if image_size < SMALLEST:
            raise OptionError(f"image_size must be at least {SMALLEST}, got {image_size}.")
        self.image_size = image_size
        self.traces = TraceExtraction()
        self.features = nn.Sequential(
            *_stage(12, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            *_stage(24, 48, 3),
            nn.BatchNorm2d(48),
            *_stage(48, 64, 3),
            nn.BatchNorm2d(64),
            *_stage(64, 128, 1),
        )
        side = image_size
        for lost in (0, 2, 2, 0):  # pixels that each convolution takes from the side
            side = -(-(side - lost - 3) // 2) + 1
        act = nn.Identity() if reference_compatible else nn.ReLU(inplace=True)
        self.head = nn.Sequential(
            *(nn.Linear(128 * side**2, HIDDEN), act, nn.Dropout(drop_rate)),
            *(nn.Linear(HIDDEN, HIDDEN), act, nn.Dropout(drop_rate)),
            nn.Linear(HIDDEN, num_classes),
        )

    def forward(self, image: Tensor) -> Tensor:
        require_size(image, self.image_size)
        return self.head(self.features(self.traces(image)).flatten(1))
