from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.models import create_detector
from telltrace.models.complexity import complexity
from telltrace.models.meso import MesoNet
from telltrace.published import LAYOUTS, export_published, load_published

BOTH = pytest.mark.parametrize("name", ["meso4", "meso_inception4"])


def keras_weights(name: str, image_size: int = 64, first: int = 1) -> dict[str, Tensor]:
    """Random weights, named as a Keras session names them whose counters stand at ``first``."""
    weights: dict[str, Tensor] = {}
    detector = create_detector(name, image_size=image_size, layout="keras")
    counts = {"conv2d": first, "batch_normalization": first, "dense": first}

    def add(kind: str, **tensors: Tensor) -> None:
        layer = f"{kind}_{counts[kind]}"
        counts[kind] += 1
        for part, tensor in tensors.items():
            weights[f"{layer}/{layer}/{part}:0"] = tensor

    for module in detector.modules():
        if isinstance(module, nn.Conv2d):
            out, inside, *sides = module.weight.shape
            add("conv2d", kernel=torch.randn(*sides, inside, out) / 3, bias=torch.randn(out) / 9)
        if isinstance(module, nn.BatchNorm2d):
            n = module.num_features
            add(
                "batch_normalization",
                gamma=torch.rand(n) + 0.5,
                beta=torch.randn(n),
                moving_mean=torch.randn(n),
                moving_variance=torch.rand(n) + 0.5,
            )
    cells = 16 * (image_size // 32) ** 2
    add("dense", kernel=torch.randn(cells, 16) / 64, bias=torch.randn(16))
    add("dense", kernel=torch.randn(16, 1) / 8, bias=torch.randn(1))
    return weights


@BOTH
def test_equals_the_published_network(name: str, golden: Callable[[str], Any]) -> None:
    published = golden(name)
    detector = load_published(name, published.state).eval()
    with torch.inference_mode():
        logits = detector(published.images)
    expected = torch.tensor(published.numbers["logits"], dtype=torch.float64)
    torch.testing.assert_close(logits, expected, rtol=1e-8, atol=0)
    assert sum(p.numel() for p in detector.parameters()) == published.numbers["parameters"]
    again = export_published(detector)
    assert again.keys() == published.state.keys()
    assert all(torch.equal(again[key], tensor) for key, tensor in published.state.items())


def test_costs_what_the_sficonv_paper_says() -> None:
    """Guo et al., Table V: 28.52 K parameters and 60.18 M multiply-accumulates."""
    cost = complexity(MesoNet(2), 256)
    assert cost.parameters == pytest.approx(28.52e3, rel=0.001)
    assert cost.paper_macs == pytest.approx(60.18e6, rel=0.001)


def test_one_normalisation_serves_layers_of_equal_width_in_the_port_only() -> None:
    assert [MesoNet(0, layout=layout).norm_of for layout in ("torch", "keras")] == [
        [0, 0, 1, 1],
        [0, 1, 2, 3],
    ]
    assert [MesoNet(2, layout=layout).norm_of for layout in ("torch", "keras")] == [
        [0, 1, 2, 2],
        [0, 1, 2, 3],
    ]


def test_keras_wiring_equals_a_second_writing() -> None:
    """MesoInception-4 written out from its weights by functions, channels last as Keras has it."""
    weights = keras_weights("meso_inception4", first=5)
    name, _, detector = LAYOUTS["meso-keras"].load(weights)
    image = torch.rand(2, 64, 64, 3)
    assert name == "meso_inception4"

    def tensor(kind: str, number: int, part: str) -> Tensor:
        layer = f"{kind}_{number + 4}"
        return weights[f"{layer}/{layer}/{part}:0"]

    def conv(x: Tensor, number: int, dilation: int = 1) -> Tensor:
        kernel = tensor("conv2d", number, "kernel").permute(3, 2, 0, 1)
        pad = dilation * (kernel.shape[2] // 2)
        bias = tensor("conv2d", number, "bias")
        return torch.conv2d(x, kernel, bias, padding=pad, dilation=dilation).relu()

    def inception(x: Tensor, number: int) -> Tensor:
        views = [conv(x, number)]
        for dilation in (1, 2, 3):
            inner = conv(x, number + 2 * dilation - 1)
            views.append(conv(inner, number + 2 * dilation, dilation))
        return torch.cat(views, 1)

    def norm_pool(x: Tensor, number: int, side: int) -> Tensor:
        gamma, beta, mean, variance = (
            tensor("batch_normalization", number, part)[:, None, None]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return torch.max_pool2d((x - mean) / (variance + 1e-3).sqrt() * gamma + beta, side)

    x = norm_pool(inception(image.permute(0, 3, 1, 2), 1), 1, 2)
    x = norm_pool(inception(x, 8), 2, 2)
    x = norm_pool(conv(x, 15), 3, 2)
    x = norm_pool(conv(x, 16), 4, 4)
    x = x.permute(0, 2, 3, 1).flatten(1)
    x = x @ tensor("dense", 1, "kernel") + tensor("dense", 1, "bias")
    x = torch.where(x > 0, x, 0.1 * x) @ tensor("dense", 2, "kernel") + tensor("dense", 2, "bias")
    real = x.sigmoid()[:, 0]
    with torch.inference_mode():
        ours = detector.eval()(image.permute(0, 3, 1, 2)).softmax(1)
    torch.testing.assert_close(ours[:, 0], real, rtol=1e-5, atol=1e-6)
    assert 0.01 < real.min() < real.max() < 0.99


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda w: {}, "0 convolutions, 0 normalisations, 0 dense layers"),
        (lambda w: {k: t for k, t in w.items() if "dense_2" not in k}, "1 dense layers"),
        (lambda w: {k: t for k, t in w.items() if "moving_mean" not in k}, "moving_mean"),
        (
            lambda w: w | {"conv2d_1/conv2d_1/kernel:0": torch.ones(5, 5, 3, 8)},
            "1 of another shape, such as layers.0.0.weight",
        ),
    ],
)
def test_other_keras_weights_are_refused(
    spoil: Callable[[dict[str, Tensor]], dict[str, Tensor]], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"(?s)published Keras weights.*{message}"):
        load_published("meso-keras", spoil(keras_weights("meso4")))


@BOTH
def test_other_state_dicts_are_refused(name: str) -> None:
    state = export_published(create_detector(name, image_size=64))
    other = "meso4" if name == "meso_inception4" else "meso_inception4"
    with pytest.raises(
        ValueError, match=r"is not Meso.* as DeepfakeBench publishes it: \d+ missing"
    ):
        load_published(other, state)
    with pytest.raises(ValueError, match=r"has no fc1\.weight but conv1"):
        load_published(name, {"conv1.weight": torch.ones(1)})
    behind = {f"backbone.{key}": tensor for key, tensor in state.items()}
    assert load_published(name, behind).image_size == 64


def test_the_keras_layout_is_not_exported_as_the_port() -> None:
    with pytest.raises(ValueError, match='layout="torch"'):
        export_published(MesoNet(0, layout="keras"))


def test_wrong_sizes_are_answered_with_what_to_give() -> None:
    with pytest.raises(ValueError, match="a multiple of 32, got 100"):
        MesoNet(0, image_size=100)
    with pytest.raises(ValueError, match='"torch" or "keras", got \'caffe\''):
        MesoNet(0, layout="caffe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="image_size=96"):
        MesoNet(0, image_size=64)(torch.rand(1, 3, 64, 96))


@BOTH
def test_every_parameter_of_the_keras_layout_learns(name: str) -> None:
    detector = create_detector(name, image_size=64, layout="keras")
    detector(torch.rand(8, 3, 64, 64)).square().sum().backward()
    assert not [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.any()]
