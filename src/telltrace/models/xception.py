"""Xception in named stages, as a detector of its own and as a part of others."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from .xception_weights import bare_names, load_imagenet, published_name, take

FEATURES = 2048


class SeparableConv2d(nn.Sequential):
    """Depthwise 3x3, then pointwise: (B, C, H, W) -> (B, D, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)


class Block(nn.Module):
    """Separable convolutions around a shortcut; with a stride, pooled at the end.

    Args:
        in_channels: Channels that come in.
        widths: Channels after each separable convolution.
        stride: 1 or 2.
        relu_first: Whether an activation precedes the first convolution.
    """

    def __init__(
        self, in_channels: int, widths: tuple[int, ...], *, stride: int = 1, relu_first: bool = True
    ) -> None:
        super().__init__()
        body: list[nn.Module] = []
        for i, (before, after) in enumerate(zip((in_channels, *widths), widths, strict=False)):
            if i > 0 or relu_first:
                body.append(nn.ReLU(inplace=i > 0))  # the shortcut still needs the block's input
            body += [SeparableConv2d(before, after), nn.BatchNorm2d(after)]
        if stride > 1:
            body.append(nn.MaxPool2d(3, stride, padding=1))
        self.body = nn.Sequential(*body)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or widths[-1] != in_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, widths[-1], 1, stride, bias=False),
                nn.BatchNorm2d(widths[-1]),
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


def _stem(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class XceptionFeatures(nn.Sequential):
    """Xception without its classifier, in the stages at which other networks step in.

    ========================  ==========================  ======================
    stage                     what                        map of a 16 k pixels image
    ========================  ==========================  ======================
    ``stem1``                 3x3 convolution, stride 2   32 x (8 k - 1)^2
    ``stem2``                 3x3 convolution             64 x (8 k - 3)^2
    ``entry``                 blocks 1 to 3               728 x k^2
    ``middle_first``          blocks 4 to 7               728 x k^2
    ``middle_second``         blocks 8 to 11              728 x k^2
    ``exit``                  block 12                    1024 x ceil(k / 2)^2
    ``tail``                  two separable convolutions  2048 x ceil(k / 2)^2
    ========================  ==========================  ======================

    The tail ends with its BatchNorm; whoever pools applies the activation.

    Args:
        in_channels: Channels of the image.

    References:
        Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017,
        figure 5.

    Examples:
        >>> import torch
        >>> XceptionFeatures().eval()(torch.rand(1, 3, 64, 64)).shape
        torch.Size([1, 2048, 2, 2])
    """

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.stem1 = _stem(in_channels, 32, stride=2)
        self.stem2 = _stem(32, 64, stride=1)
        self.entry = nn.Sequential(
            Block(64, (128, 128), stride=2, relu_first=False),
            Block(128, (256, 256), stride=2),
            Block(256, (728, 728), stride=2),
        )
        self.middle_first = nn.Sequential(*(Block(728, (728,) * 3) for _ in range(4)))
        self.middle_second = nn.Sequential(*(Block(728, (728,) * 3) for _ in range(4)))
        self.exit = nn.Sequential(Block(728, (728, 1024), stride=2))
        self.tail = nn.Sequential(
            SeparableConv2d(1024, 1536),
            nn.BatchNorm2d(1536),
            nn.ReLU(inplace=True),
            SeparableConv2d(1536, FEATURES),
            nn.BatchNorm2d(FEATURES),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # No activation stands between a depthwise and its pointwise convolution.
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.groups > 1:
                    module.weight.data /= 2**0.5


class Xception(nn.Module):
    """Xception with a fresh classifier, the field's usual baseline.

    Args:
        num_classes: K; 2 for real and fake.
        drop_rate: Dropout before the classifier.
        in_channels: Channels of the image.

    Shape:
        - Input: (B, 3, H, W)
        - Output: (B, K) logits

    References:
        Rossler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images",
        ICCV 2019.

    Examples:
        >>> import torch
        >>> Xception().eval()(torch.rand(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """

    def __init__(
        self, *, num_classes: int = 2, drop_rate: float = 0.0, in_channels: int = 3
    ) -> None:
        super().__init__()
        self.features = XceptionFeatures(in_channels)
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(FEATURES, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        feature = self.features(image).relu().mean((2, 3))
        return self.head(self.dropout(feature))


def xception(
    *,
    num_classes: int = 2,
    drop_rate: float = 0.0,
    weights: str | Path | None = None,
) -> Xception:
    """Xception, from scratch or from ImageNet.

    Args:
        num_classes: K; 2 for real and fake.
        drop_rate: Dropout before the classifier.
        weights: File with ImageNet weights, ``"timm"`` to let timm supply (and download) them,
            or None for fresh ones. See :func:`load_imagenet`.
    """
    detector = Xception(num_classes=num_classes, drop_rate=drop_rate)
    if weights is not None:
        load_imagenet(detector.features, weights)
    return detector


def load_xception(state: Mapping[str, Tensor]) -> Xception:
    """Build the detector that a published state dict describes, and fill it.

    Takes the layouts of FaceForensics++, DeepfakeBench (whose ``adjust_channel`` layers no
    forward pass reaches; they are left out) and timm's ``legacy_xception``.

    Args:
        state: Published state dict.

    Raises:
        ValueError: If tensors are missing, of another shape, or of another network.
    """
    state = bare_names(state)
    first, last = state.get("conv1.weight"), state.get("last_linear.weight")
    if first is None or last is None:
        raise ValueError("This is no published Xception: conv1 or its classifier is missing.")
    detector = Xception(num_classes=last.shape[0], in_channels=first.shape[1]).to(first.dtype)
    found = take(
        detector,
        state,
        _detector_name,
        what="a published Xception",
        ignore=("adjust_channel.",),
    )
    detector.load_state_dict(found)
    return detector


def export_xception(detector: Xception) -> dict[str, Tensor]:
    """Turn a detector into the published state dict that :func:`load_xception` reads.

    Args:
        detector: Network to export; its tensors are shared, not copied.
    """
    return {_detector_name(name): tensor for name, tensor in detector.state_dict().items()}


def _detector_name(name: str) -> str:
    part, rest = name.split(".", 1)
    return published_name(rest) if part == "features" else f"last_linear.{rest}"
