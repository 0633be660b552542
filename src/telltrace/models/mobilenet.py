"""MobileNet v1, vanilla or in space-frequency form."""

from torch import Tensor, nn

from .backbones import ConvNormReLU, Form, Stage, initialise

FAMILY, PAPER = "mobilenet", "Howard et al., arXiv:1704.04861"
WIDTHS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
WIDTHS += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
"""Output channels and stride of each depthwise-pointwise pair."""


class MobileNet(nn.Module):
    """Thirteen pairs of a depthwise and a pointwise convolution.

    In space-frequency form the first depthwise convolution is Stage 1 and the last pointwise
    one Stage 3. The depthwise ones in between update each stream by itself: a depthwise kernel
    has no block that joins two channels. The pointwise ones let the streams interact.
    (B, 3, H, W), any H and W from 32, to (B, num_classes) logits.

    References:
        Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
        Applications", arXiv:1704.04861, Table 1; in space-frequency form Guo et al., IEEE TIFS
        2024, Table III.
    """

    def __init__(self, *, num_classes: int = 2, form: Form = None) -> None:
        super().__init__()
        self.features, channels = nn.Sequential(ConvNormReLU(form, 0, 3, 32, 3, stride=2)), 32
        for i, (width, stride) in enumerate(WIDTHS):
            depthwise: Stage = 1 if i == 0 else 2
            pointwise: Stage = 3 if i == len(WIDTHS) - 1 else 2
            how = {"stride": stride, "groups": channels}
            self.features.append(ConvNormReLU(form, depthwise, channels, channels, 3, **how))
            self.features.append(ConvNormReLU(form, pointwise, channels, width, 1))
            channels = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.avgpool(self.features(image)).flatten(1))
