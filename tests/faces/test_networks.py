import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from telltrace.errors import DependencyError
from telltrace.faces.boxes import cut_patches, integral_images
from telltrace.faces.networks import (
    ProposalNet,
    _HalvingPool,
    load_published,
    output_net,
    refinement_net,
)


@pytest.mark.parametrize("size", [(12, 12), (13, 20), (21, 17)])
def test_halving_is_max_pooling(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    expected = F.max_pool2d(x, 2, 2, ceil_mode=True)
    torch.testing.assert_close(_HalvingPool()(x), expected, rtol=0, atol=0)


def test_shapes() -> None:
    scores, boxes = ProposalNet()(torch.zeros(2, 3, 12, 33))
    assert (scores.shape, boxes.shape) == ((2, 1, 12), (2, 4, 1, 12))
    assert [x.shape for x in refinement_net()(torch.zeros(5, 3, 24, 24))] == [(5,), (5, 4)]
    assert [x.shape for x in output_net()(torch.zeros(5, 3, 48, 48))] == [(5,), (5, 4), (5, 10)]


@pytest.mark.parametrize(
    ("network", "name"),
    [(ProposalNet(), "pnet"), (refinement_net(), "rnet"), (output_net(), "onet")],
)
def test_published_weights_fill_every_parameter(network: nn.Module, name: str) -> None:
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.inference_mode():
        load_published(network, name)
    assert not any(p.is_inference() for p in network.parameters())
    same = [k for k, v in network.state_dict().items() if torch.equal(v, before[k])]
    assert not same


def test_missing_weights_name_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DependencyError, match=r"pnet\.lz4: .* Run: pip install mtcnn"):
        load_published(ProposalNet(), "pnet", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="Run: pip install mtcnn"):
        load_published(ProposalNet(), "pnet")


def test_other_weights_are_not_even_opened(tmp_path: Path) -> None:
    trap = b"cposix\nsystem\n(S'touch " + bytes(tmp_path / "sprung") + b"'\ntR."  # a pickle
    (tmp_path / "pnet.lz4").write_bytes(trap)
    with pytest.raises(ValueError, match=r"not the weights of mtcnn 1\.0\.0"):
        load_published(ProposalNet(), "pnet", tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_patches_are_area_interpolation_of_what_lies_inside() -> None:
    images = torch.randint(0, 256, (2, 40, 50, 3), dtype=torch.uint8)
    boxes = torch.tensor([[3, 4, 30, 31], [-5, 20, 12, 37], [44, 2, 70, 28], [60, 5, 70, 15]])
    owner = torch.tensor([0, 1, 1, 0])
    kept, theirs, patches = cut_patches(integral_images(images), boxes.float(), owner, 24)
    assert theirs.tolist() == [0, 1, 1]  # the last box lies outside
    assert kept.tolist() == boxes[:3].tolist()
    pixels = (images.permute(0, 3, 1, 2).float() - 127.5) / 128
    inside = [pixels[0, :, 3:31, 2:30], pixels[1, :, 19:37, 0:12], pixels[1, :, 1:28, 43:50]]
    expected = torch.stack([F.interpolate(x[None], (24, 24), mode="area")[0] for x in inside])
    torch.testing.assert_close(patches, expected, rtol=0, atol=1e-6)


def test_integral_images_count_every_pixel() -> None:
    images = torch.randint(0, 256, (2, 5, 7, 3), dtype=torch.uint8)
    sums = integral_images(images)
    for y, x in ((5, 7), (2, 3), (0, 4)):
        assert torch.equal(sums[:, y, x], images[:, :y, :x].long().sum((1, 2)).to(sums.dtype))
