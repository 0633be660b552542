from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_model

from telltrace.errors import CheckpointError
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


def test_weights_come_from_a_file_and_leave_a_classifier_of_other_classes_out(
    tmp_path: Path,
) -> None:
    imagenet = timm.create_model("resnet10t", num_classes=7)
    for module in imagenet.modules():  # timm starts the last ones of residual branches at 0
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    file = tmp_path / "resnet10t.safetensors"
    save_model(imagenet, str(file))
    detector = create_detector("timm:resnet10t", weights=file)
    given, got = imagenet.state_dict(), detector.state_dict()
    assert got["fc.weight"].shape == (2, 512)
    assert all(torch.equal(got[key], given[key]) for key in given if not key.startswith("fc."))
    same = create_detector("timm:resnet10t", weights=file, num_classes=7).state_dict()
    assert torch.equal(same["fc.weight"], given["fc.weight"])
    blocks = create_detector("ib", backbone="resnet10t", weights=file, num_blocks=2).state_dict()
    stems = [key for key in blocks if key.endswith("conv1.0.weight") and "layer" not in key]
    assert len(stems) == 2
    assert all(torch.equal(blocks[key], given["conv1.0.weight"]) for key in stems)
    whole = create_detector("sfi:resnet10t", weights=file, alpha=0.0, downsample="stride").eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        whole.get_submodule("fc").load_state_dict(detector.get_submodule("fc").state_dict())
        torch.testing.assert_close(whole(images), detector.eval()(images))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_model(timm.create_model("resnet14t"), str(file))
    with pytest.raises(CheckpointError, match=r"other.safetensors: .*timm's resnet10t"):
        create_detector("timm:resnet10t", weights=file)
    with pytest.raises(CheckpointError, match="no such weights file"):
        create_detector("timm:resnet10t", weights=tmp_path / "absent.pth")
