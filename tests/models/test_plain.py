import pytest
import torch

from telltrace.models import create_detector
from telltrace.models.complexity import complexity


def test_efficientnet_b4_costs_what_the_literature_says() -> None:
    """Tan and Le, 2019: 19.3 M parameters with 1,000 classes."""
    with torch.device("meta"):
        cost = complexity(create_detector("efficientnet_b4"), 64)
    assert cost.parameters == pytest.approx(19.3e6 - 998 * 1793, rel=0.01)


def test_any_network_of_timm_is_a_detector() -> None:
    detector = create_detector("timm:resnet10t", num_classes=3).eval()
    with torch.inference_mode():
        assert detector(torch.rand(2, 3, 64, 64)).shape == (2, 3)
    sized = create_detector("timm:vit_tiny_patch16_224", image_size=64, drop_path_rate=0.1).eval()
    with torch.inference_mode():
        assert sized(torch.rand(2, 3, 64, 64)).shape == (2, 2)


def test_an_unknown_network_or_option_is_answered_with_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no network 'resnet1t'.*resnet10t"):
        create_detector("timm:resnet1t")
    with pytest.raises(ValueError, match=r"timm:resnet10t has no option 'alpha'. It has: num_cl"):
        create_detector("timm:resnet10t", alpha=0.5)
