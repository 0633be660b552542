"""Mixup and cutmix of a batch with itself; what is drawn depends on torch's seed of the step."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from telltrace.losses import Mix, draw_mix, mix_images


def mix_batch(images: Tensor, mixup: float = 0.0, cutmix: float = 0.0) -> tuple[Tensor, Mix]:
    """Lay a batch over itself, or paste a rectangle of each partner into each image.

    Args:
        images: The batch.
        mixup: Beta parameter of mixup; 0 for none.
        cutmix: Beta parameter of cutmix; 0 for none. With both, one of the two is drawn.

    Shape:
        - images and the first output: (B, 3, H, W)

    References:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, eq. 1-2.
        Yun et al., "CutMix", ICCV 2019, https://arxiv.org/abs/1905.04899, eq. 1-2.

    Examples:
        >>> images = torch.rand(4, 3, 8, 8)
        >>> mixed, mix = mix_batch(images)
        >>> mixed is images, mix.share
        (True, 1.0)
    """
    if not mixup and not cutmix:
        return images, Mix(1.0, torch.arange(len(images)))
    # The loop seeds torch for every step, so this draw depends on seed, epoch and step alone.
    rng = np.random.default_rng(int(torch.randint(2**31, ())))
    if cutmix and (not mixup or rng.random() < 0.5):
        return _cut(images, draw_mix(len(images), rng, cutmix), rng)
    mix = draw_mix(len(images), rng, mixup)
    return mix_images(images, mix), mix


def _cut(images: Tensor, mix: Mix, rng: Generator) -> tuple[Tensor, Mix]:
    """Paste one rectangle of about ``1 - share`` of the area; the share becomes what is left."""
    height, width = images.shape[-2:]
    side = (1 - mix.share) ** 0.5 / 2
    middle = rng.random(2) * [height, width]
    reach = np.array([height * side, width * side])
    top, left = np.maximum(np.rint(middle - reach), 0).astype(int)
    bottom, right = np.minimum(np.rint(middle + reach), [height, width]).astype(int)
    pasted = images.clone()
    partners = images[mix.order.to(images.device)]
    pasted[..., top:bottom, left:right] = partners[..., top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return pasted, Mix(float(kept), mix.order)
