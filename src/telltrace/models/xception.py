"""Xception in named stages, as a detector of its own and as a part of others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from telltrace.models.state_dicts import match, read_state_dict, unwrap

FAMILY, PAPER = "xception", "Chollet, CVPR 2017"
FEATURES = 2048
_BLOCKS = {"entry": 1, "middle_first": 4, "middle_second": 8, "exit": 12}
"""The number of each stage's first block."""
_LAYERS = {
    "stem1": ["conv1", "bn1"], "stem2": ["conv2", "bn2"],
    "tail": ["conv3", "bn3", "", "conv4", "bn4"],
}  # fmt: skip
_PARTS = {"body.": "rep.", "depthwise.": "conv1.", "shortcut.0.": "skip.", "shortcut.1.": "skipbn."}


class SeparableConv2d(nn.Sequential):
    """Depthwise 3x3, then pointwise: (B, C, H, W) -> (B, D, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        how: Any = {"padding": 1, "groups": in_channels, "bias": False}
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, **how)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)


class Block(nn.Module):
    """Separable convolutions of these widths around a shortcut; a stride pools at the end."""

    def __init__(
        self, in_channels: int, *widths: int, stride: int = 1, relu_first: bool = True
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
            skip = nn.Conv2d(in_channels, widths[-1], 1, stride, bias=False)
            self.shortcut = nn.Sequential(skip, nn.BatchNorm2d(widths[-1]))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


def stem(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """An unpadded 3x3 convolution, normalised, with ReLU."""
    conv = nn.Conv2d(in_channels, out_channels, 3, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class XceptionFeatures(nn.Sequential):
    """Xception without its classifier, in the stages at which other networks step in.

    The tail ends with its BatchNorm; whoever pools applies the activation.

    Shape:
        Images of 16 k pixels a side become maps of 32 x (8 k - 1)^2 in ``stem1``, 64 x (8 k - 3)^2
        in ``stem2``, 728 x k^2 in ``entry`` and both ``middle`` ones, 1024 x ceil(k / 2)^2 in
        ``exit`` and 2048 x ceil(k / 2)^2 in ``tail``.

    References:
        Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017,
        figure 5.
    """

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.stem1 = stem(in_channels, 32, stride=2)
        self.stem2 = stem(32, 64, stride=1)
        self.entry = nn.Sequential(
            Block(64, 128, 128, stride=2, relu_first=False),
            Block(128, 256, 256, stride=2),
            Block(256, 728, 728, stride=2),
        )
        self.middle_first = nn.Sequential(*(Block(728, 728, 728, 728) for _ in range(4)))
        self.middle_second = nn.Sequential(*(Block(728, 728, 728, 728) for _ in range(4)))
        self.exit = nn.Sequential(Block(728, 728, 1024, stride=2))
        first = (SeparableConv2d(1024, 1536), nn.BatchNorm2d(1536), nn.ReLU(inplace=True))
        last = (SeparableConv2d(1536, FEATURES), nn.BatchNorm2d(FEATURES))
        self.tail = nn.Sequential(*first, *last)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # No activation stands between a depthwise and its pointwise convolution.
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.groups > 1:
                    module.weight.data /= 2**0.5


class Xception(nn.Module):
    """Xception with a fresh classifier, the field's usual baseline.

    (B, in_channels, H, W) to (B, num_classes) logits; ``weights`` as of :func:`load_imagenet`.

    References:
        Rossler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        drop_rate: float = 0.0,
        in_channels: int = 3,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.features = XceptionFeatures(in_channels)
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(FEATURES, num_classes)
        load_imagenet(self.features, weights)

    def forward(self, image: Tensor) -> Tensor:
        feature = self.features(image).relu().mean((2, 3))
        return self.head(self.dropout(feature))


def published_name(name: str) -> str:
    """What FaceForensics++ and timm's ``legacy_xception`` call a tensor of `XceptionFeatures`.

    Examples:
        >>> published_name("entry.0.body.0.depthwise.weight")
        'block1.rep.0.conv1.weight'
    """
    stage, index, rest = name.split(".", 2)
    for ours, theirs in _PARTS.items():
        rest = rest.replace(ours, theirs)
    if stage in _BLOCKS:
        return f"block{_BLOCKS[stage] + int(index)}.{rest}"
    return f"{_LAYERS[stage][int(index)]}.{rest}"


def modern_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo what other versions do to a published Xception's names and shapes."""
    modern = {}
    for name, tensor in state.items():
        name = name.replace("last_linear.1.", "last_linear.")
        if name.startswith("fc."):
            name = f"last_linear.{name.removeprefix('fc.')}"
        matrix = name.endswith("pointwise.weight") and tensor.ndim == 2  # (D, C, 1, 1) squeezed
        modern[name] = tensor[:, :, None, None] if matrix else tensor
    return modern


def load_imagenet(features: nn.Module, weights: str | Path | None) -> None:
    """Fill an :class:`XceptionFeatures`, in place, with ImageNet weights but for their classifier.

    For an image of more channels the first kernel's are repeated in turn and scaled down, so that
    n copies of a picture give the picture's own response.

    Args:
        features: The network.
        weights: A ``.safetensors`` or PyTorch file in a published layout; ``"timm"`` for timm's
            ``legacy_xception``, from its cache or over the network; None fills nothing.

    Raises:
        CheckpointError: If there is no such file, or it holds another network.
    """
    if weights is None:
        return
    if str(weights) == "timm":
        import timm

        given = timm.create_model("legacy_xception", pretrained=True).state_dict()
    else:
        given = read_state_dict(
            weights,
            "Give the path of an ImageNet Xception (xception-43020ad28.pth), or "
            'weights="timm" to let timm download it.',
        )
    state = modern_names(unwrap(given, "bn1.weight"))
    first = state.get("conv1.weight")
    channels = features.state_dict()["stem1.0.weight"].shape[1]
    if first is not None and channels > (own := first.shape[1]):
        times = -(-channels // own)
        state["conv1.weight"] = first.repeat(1, times, 1, 1)[:, :channels] * (own / channels)
    unused = ("last_linear.", "adjust_channel.")
    what = f"an ImageNet Xception, as {weights} should be"
    features.load_state_dict(match(features, state, published_name, what=what, ignored=unused))
