import pytest
import torch
import torchvision

from telltrace.layers import SFIConv2d
from telltrace.models import create_detector

TWINS = ["resnet26", "mobilenet", "vgg13"]


def stages(name: str) -> list[int]:
    modules = create_detector(name).modules()
    return [module.stage for module in modules if isinstance(module, SFIConv2d)]


@pytest.mark.parametrize("name", ["resnet26", "resnet50", "mobilenet", "vgg13", "vgg19"])
def test_the_first_stage_comes_once_and_the_last_ends_the_streams(name: str) -> None:
    order = stages(f"sfi_{name}")
    assert order[0] == 1
    assert order.count(1) == 1
    assert order.count(3) == (2 if name.startswith("resnet") else 1)  # and its shortcut
    assert order[-1] == 3
    assert set(order[1:-2]) == {2}


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_has_the_same_weights_and_one_constrained_kernel_more(name: str) -> None:
    vanilla = create_detector(name).state_dict()
    ours = create_detector(f"sfi_{name}").state_dict()
    without_bias = {key for key in vanilla if not key.endswith("conv.bias")}
    (traces,) = ours.keys() - vanilla.keys()
    assert traces.endswith("traces.weight")
    assert vanilla.keys() - ours.keys() == vanilla.keys() - without_bias
    assert all(ours[key].shape == vanilla[key].shape for key in without_bias)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize(("alpha", "beta"), [(0.25, 0.5), (0.5, 0.75), (0.0, 0.5), (1.0, 0.5)])
def test_smaller_streams_run_learn_and_export(name: str, alpha: float, beta: float) -> None:
    detector = create_detector(f"sfi_{name}", alpha=alpha, beta=beta)
    faces = torch.rand(2, 3, 71, 50)
    detector(faces).square().sum().backward()
    assert not [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.any()]
    if (name, alpha) == ("mobilenet", 0.25):  # a network with shortcuts: test_convert_by_hand.py
        detector.eval()
        batch = ({0: torch.export.Dim.AUTO},)
        program = torch.export.export(detector, (faces,), dynamic_shapes=batch)
        torch.testing.assert_close(program.module()(faces[:1]), detector(faces[:1]))


def test_weights_of_one_alpha_and_beta_fit_any_other() -> None:
    one, other = create_detector("sfi_mobilenet"), create_detector("sfi_mobilenet", beta=0.5)
    other.load_state_dict(one.state_dict())
    image = torch.rand(1, 3, 64, 64)
    assert not torch.equal(one.eval()(image), other.eval()(image))


def test_the_vanilla_resnet_is_the_one_everybody_means() -> None:
    theirs = torchvision.models.resnet50(num_classes=2).eval()
    ours = create_detector("resnet50").eval()
    ours.load_state_dict(theirs.state_dict())
    image = torch.rand(1, 3, 65, 64)
    torch.testing.assert_close(ours(image), theirs(image))


def test_the_vanilla_vgg_is_the_one_everybody_means() -> None:
    theirs = torchvision.models.vgg13_bn().features.eval()
    ours = create_detector("vgg13").eval()
    values = [t for key, t in theirs.state_dict().items()]
    keys = [key for key in ours.state_dict() if not key.startswith("fc")]
    ours.load_state_dict(dict(zip(keys, values, strict=True)), strict=False)
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(ours(image), ours.fc(theirs(image).mean((2, 3))))


@pytest.mark.parametrize("name", ["mobilenet", "sfi_mobilenet", "vgg13", "sfi_resnet26"])
def test_a_fresh_network_sees_its_image(name: str) -> None:
    detector = create_detector(name).eval()
    with torch.inference_mode():
        answers = detector(torch.rand(2, 3, 64, 64) * torch.tensor([1.0, 0.1]).view(2, 1, 1, 1))
    assert (answers[0] - answers[1]).abs().max() > 1e-3


@pytest.mark.parametrize("alpha", [0.25, 0.5])
def test_fresh_convolutions_of_each_stream_have_the_spread_of_the_released_ones(
    alpha: float,
) -> None:
    torch.manual_seed(0)
    network = create_detector("sfi_resnet26", alpha=alpha)
    layers = [m for m in network.modules() if isinstance(m, SFIConv2d)]
    assert {layer.stage for layer in layers} == {1, 2, 3}
    for layer in layers:
        rows, _, height, width = layer.weight.shape
        cut = layer.out_cut if layer.stage != 3 else rows
        for stream in (layer.weight[:cut], layer.weight[cut:]):
            if len(stream):
                released = (2 / (len(stream) * height * width)) ** 0.5
                assert stream.std().item() == pytest.approx(released, rel=0.05)
