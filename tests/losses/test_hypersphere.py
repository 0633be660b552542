import math

import pytest
import torch
import torch.nn.functional as F

from telltrace.losses import alignment_loss, uniformity_loss


def test_alignment_is_the_mean_squared_distance_within_classes() -> None:
    features = torch.tensor([[1.0, 0], [0, 1.0], [-1.0, 0], [0.6, 0.8]])
    labels = torch.tensor([0, 0, 1, 1])
    # (1,0)-(0,1): 2; (-1,0)-(.6,.8): 2.56 + .64
    assert alignment_loss(features, labels).item() == pytest.approx((2 + 3.2) / 2)
    assert alignment_loss(features[:1], labels[:1]).item() == 0
    assert alignment_loss(features[1:3], torch.tensor([0, 1])).item() == 0


def test_uniformity_is_the_logarithm_of_the_mean_potential() -> None:
    features = F.normalize(torch.randn(6, 4, dtype=torch.float64))
    potentials = [
        math.exp(-2 * float((features[i] - features[j]).square().sum()))
        for i in range(6)
        for j in range(i)
    ]
    expected = math.log(sum(potentials) / len(potentials))
    assert uniformity_loss(features).item() == pytest.approx(expected)
    assert uniformity_loss(features[:1]).item() == 0
    assert uniformity_loss(torch.ones(3, 1)).item() == pytest.approx(0)  # all in one place
