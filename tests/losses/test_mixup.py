import numpy as np
import pytest
import torch
from scipy import stats

from telltrace.losses import draw_mix, mix_images
from telltrace.losses.mixup import Mix


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    rng = np.random.default_rng(0)
    shares = [draw_mix(2, rng, alpha).share for _ in range(1000)]
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_an_alpha_of_0_mixes_nothing() -> None:
    images = torch.rand(4, 3, 2, 2)
    mix = draw_mix(4, np.random.default_rng(0), alpha=0)
    assert torch.equal(mix_images(images, mix), images)
    with pytest.raises(ValueError, match=r"positive, got -1"):
        draw_mix(4, np.random.default_rng(0), alpha=-1)


def test_the_same_numbers_give_the_same_mix() -> None:
    first, again = (draw_mix(16, np.random.default_rng(5)) for _ in range(2))
    assert first.share == again.share
    assert torch.equal(first.order, again.order)


def test_every_image_is_laid_over_its_partner() -> None:
    images = torch.tensor([[0.0], [1.0], [4.0]])
    mixed = mix_images(images, Mix(0.75, torch.tensor([2, 0, 1])))
    torch.testing.assert_close(mixed, torch.tensor([[1.0], [0.75], [3.25]]))
