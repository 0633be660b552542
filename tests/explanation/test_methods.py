from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from telltrace.checkpoint import Card, Ensemble
from telltrace.cli.show import Method
from telltrace.errors import OptionError
from telltrace.explanation import METHODS, explain_crops, methods_of
from telltrace.explanation.methods import occlusion
from telltrace.models import create_detector
from telltrace.models.registry import default_options

from .conftest import SIDE, detector, faces

ALL = {"gradcam", "gradcam++", "layercam", "integrated-gradients", "occlusion", "fam"}
LARGE = {"two_stream_xception", "ib_mobilenet"}
OWN = {
    "sfi_mobilenet": {"residual"},
    "two_stream_xception": {"attention", "residual"},
    "ib_mobilenet": set(),
    "blend_lite": {"map"},
    "multi_task": {"map"},
}


@pytest.mark.parametrize("name", OWN)
def test_every_family_has_maps_and_stays_as_it_was(name: str) -> None:
    torch.manual_seed(0)
    sized = {"image_size": SIDE} if "image_size" in default_options(name) else {}
    made = detector(create_detector(name, **sized).train(), name)
    before = {k: v.clone() for k, v in made.network.state_dict().items()}
    assert set(methods_of(made)) == ALL | OWN[name]
    slow = {"integrated-gradients", "occlusion", "fam"} if name in LARGE else set()
    for method in set(methods_of(made)) - slow:
        maps = explain_crops(made, faces(2), method)
        assert maps.dtype == np.float32
        assert maps.ndim == 3
        assert len(maps) == 2
        assert np.isfinite(maps).all()
        assert maps.min() >= 0
        assert maps.max() <= 1
        if method in OWN[name] | {"gradcam", "gradcam++", "layercam"}:
            alone = explain_crops(made, faces(1), method)
            np.testing.assert_allclose(alone, maps[:1], atol=1e-4)
    assert made.network.training
    assert all(torch.equal(before[k], v) for k, v in made.network.state_dict().items())
    assert not any(p.grad is not None for p in made.network.parameters())


def test_the_own_map_is_what_the_network_says_and_not_scaled() -> None:
    torch.manual_seed(0)
    made = detector(create_detector("blend_lite").eval(), "blend_lite")
    images = made.card.preprocessing.tensor(np.stack(faces(2)))
    with torch.no_grad():
        expected = made.network.localize(images).map[:, 0].sigmoid().numpy()
    np.testing.assert_allclose(explain_crops(made, faces(2), "map"), expected, atol=1e-6)


def test_what_a_detector_lacks_is_an_error_that_names_what_it_has() -> None:
    made = detector(create_detector("mobilenet"), "mobilenet")
    with pytest.raises(OptionError, match=r"mobilenet has no method 'map'. It has: gradcam, "):
        explain_crops(made, faces(1), "map")
    both = Ensemble([made, made], Card(detector="two", preprocessing=made.card.preprocessing))
    assert methods_of(both) == ()
    with pytest.raises(OptionError, match=r"An ensemble has no method 'gradcam'. Give one of its"):
        explain_crops(both, faces(1), "gradcam")


class Detail(nn.Module):
    """Says fake as strongly as the upper left quarter is rough."""

    def forward(self, images: Tensor) -> Tensor:
        rough = images[..., : SIDE // 2, : SIDE // 2].diff(dim=-1).abs().mean((1, 2, 3))
        return torch.stack([torch.zeros_like(rough), rough], dim=1)


def test_occlusion_marks_what_makes_the_face_less_forged() -> None:
    (found,) = occlusion(detector(Detail()), faces(1))
    assert found.shape == (8, 8)
    assert found[:3, :3].min() > 0.5
    assert found[5:].max() < 0.05


def test_the_command_line_offers_every_method() -> None:
    assert set(get_args(Method)) == set(METHODS)
