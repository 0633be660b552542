"""What every detector promises, whoever wrote it."""

import copy
import functools
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from telltrace.backends import openvino_runner, settle, to_onnx
from telltrace.models import DETECTORS, create_detector
from telltrace.models.inference_form import inference_form
from telltrace.models.registry import default_options

SMALLEST = {
    "f3net": 64,
    "f3net_fad": 64,
    "ib_efficientnet_b0": 64,
    **dict.fromkeys(("recce", "spsl", "two_stream_xception", "ucf", "xception"), 64),
}
"""Side of a small image that a detector still reads, where 32 pixels are too few."""
FEWER = {
    "ib": {"num_blocks": 2},
    "ib_efficientnet_b0": {"num_blocks": 2},
    "ib_resnet34": {"num_blocks": 2},
    "m2tr": {"depth": 2},
}
"""Options that repeat a detector's parts less often; what each part promises stays."""
EVERY = pytest.mark.parametrize("name", sorted(DETECTORS), scope="module")
"""Module scope keeps the tests of one detector together, so that it is drawn once."""
DEEPER = {
    f"{form}{deep}": f"{form}{shallow}"
    for form in ("", "sfi_")
    for shallow, family in {
        "resnet26": ("resnet50", "resnet101", "resnet152"),
        "vgg13": ("vgg16", "vgg19"),
    }.items()
    for deep in family
}
"""Detectors that repeat the layers of a shallower one more often, and do nothing else."""
SHALLOW = pytest.mark.parametrize("name", sorted(DETECTORS.keys() - DEEPER.keys()), scope="module")


def build(name: str) -> nn.Module:
    """A copy of the detector, made for small images if its structure depends on their size."""
    return copy.deepcopy(drawn(name))


@functools.lru_cache(maxsize=1)
def drawn(name: str) -> nn.Module:
    """The detector with weights of its own; drawing them takes longer than copying."""
    torch.manual_seed(0)
    sized = "image_size" in default_options(name)
    options = {"image_size": side(name)} if sized else {}
    return create_detector(name, **options, **FEWER.get(name, {}))


def side(name: str) -> int:
    return SMALLEST.get(name, 32)


def images(name: str, count: int = 2) -> Tensor:
    return torch.rand(count, 3, side(name), side(name))


@EVERY
def test_answers_one_logit_per_class(name: str) -> None:
    detector = build(name)
    assert detector.eval()(images(name)).shape == (2, 2)
    assert detector.train()(images(name, 4)).shape == (4, 2)


@SHALLOW
def test_judges_each_image_on_its_own(name: str) -> None:
    detector, faces = build(name).eval(), images(name, 3)
    with torch.inference_mode():
        together, alone = detector(faces), torch.cat([detector(face[None]) for face in faces])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


@SHALLOW
def test_exports_for_any_number_of_faces(name: str) -> None:
    detector = build(name).eval()
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(detector, (images(name),), dynamic_shapes=(batch,))
    five = images(name, 5)
    torch.testing.assert_close(program.module()(five), detector(five), rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
@pytest.mark.parametrize("name", ["f3net", "ib_mobilenet", "sfi_resnet26", "vit"], scope="module")
def test_a_face_gets_the_same_logits_alone_and_among_many_in_openvino(name: str) -> None:
    form = inference_form(build(name), side(name))
    axes = {"images": {0: "n"}, "logits": {0: "n"}}
    graph = to_onnx(form, [images(name)], ["images"], ["logits"], axes)
    run, nine = openvino_runner(graph, threads=2), images(name, 9).numpy()
    (alone,) = run(nine)
    settle(run, nine)
    (among_many,) = run(nine)
    np.testing.assert_array_equal(among_many, alone)
    expected = form(torch.from_numpy(nine)).detach()
    torch.testing.assert_close(torch.from_numpy(alone), expected, rtol=1e-3, atol=1e-4)


@SHALLOW
def test_weights_survive_a_round_trip(name: str) -> None:
    detector, twin, faces = build(name).eval(), build(name).eval(), images(name)
    for tensor in twin.state_dict().values():
        tensor.copy_(tensor / 2)
    with torch.inference_mode():
        expected = detector(faces)
        assert not torch.equal(twin(faces), expected)
        twin.load_state_dict(detector.state_dict())
        assert torch.equal(twin(faces), expected)


@pytest.mark.parametrize("name", sorted(DEEPER))
def test_a_deeper_network_repeats_the_layers_of_the_shallow_one(name: str) -> None:
    """So what is shown of the shallow one's layers holds for its own."""
    with torch.device("meta"):
        deep, shallow = create_detector(name), create_detector(DEEPER[name])
    assert type(deep) is type(shallow)
    assert {type(module) for module in deep.modules()} == {type(m) for m in shallow.modules()}


@SHALLOW
def test_every_parameter_learns(name: str) -> None:
    detector = build(name).train()
    answer = detector.verdicts(images(name, 4)) if hasattr(detector, "verdicts") else None
    parts = detector(images(name, 4)) if answer is None else answer
    sum(part.square().sum() for part in (parts if answer is not None else [parts])).backward()
    idle = [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle


@SHALLOW
def test_runs_in_double_precision(name: str) -> None:
    detector = build(name).eval()
    faces = images(name)
    single = detector(faces)
    double = detector.double()(faces.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-3)
