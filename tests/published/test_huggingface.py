"""Folders as Hugging Face keeps them; the ViT is computed here by its equations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from telltrace.checkpoint import load_detector
from telltrace.cli import main
from telltrace.errors import CheckpointError
from telltrace.published import import_weights
from telltrace.published.huggingface import label_class

CONFIG: dict[str, Any] = {
    "architectures": ["ViTForImageClassification"],
    "model_type": "vit",
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "image_size": 32,
    "patch_size": 8,
    "layer_norm_eps": 1e-2,  # large, so that another one shows
    "id2label": {"0": "Deepfake", "1": "Real"},
}
PIXELS = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.4, 0.5, 0.6], "size": {"height": 32}}
WIDTH, HIDDEN, TOKENS = 12, 20, 17


def state() -> dict[str, Tensor]:
    """Tensors of such a ViT, under the published names."""
    shapes: dict[str, tuple[int, ...]] = {
        "vit.embeddings.cls_token": (1, 1, WIDTH),
        "vit.embeddings.position_embeddings": (1, TOKENS, WIDTH),
        "vit.embeddings.patch_embeddings.projection.weight": (WIDTH, 3, 8, 8),
        "vit.embeddings.patch_embeddings.projection.bias": (WIDTH,),
        "vit.layernorm.weight": (WIDTH,),
        "vit.layernorm.bias": (WIDTH,),
        "classifier.weight": (2, WIDTH),
        "classifier.bias": (2,),
    }
    linear = {f"attention.attention.{name}": (WIDTH, WIDTH) for name in ("query", "key", "value")}
    linear |= {"attention.output.dense": (WIDTH, WIDTH)}
    linear |= {"intermediate.dense": (HIDDEN, WIDTH), "output.dense": (WIDTH, HIDDEN)}
    for layer in ("vit.encoder.layer.0", "vit.encoder.layer.1"):
        for name, shape in linear.items():
            shapes |= {f"{layer}.{name}.weight": shape, f"{layer}.{name}.bias": shape[:1]}
        for name in ("layernorm_before", "layernorm_after"):
            shapes |= {f"{layer}.{name}.weight": (WIDTH,), f"{layer}.{name}.bias": (WIDTH,)}
    return {name: 0.5 * torch.randn(shape) for name, shape in shapes.items()}


def answer(weights: dict[str, Tensor], image: Tensor, siglip: bool = False) -> Tensor:
    """Logits of images (B, 3, 32, 32): Dosovitskiy et al., ICLR 2021, equations 1 to 4.

    SigLIP has no class token, approximates GELU, and classifies the mean of its patches.
    """

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name: str, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-2).sqrt()
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    emb, approximate = "vit.embeddings", "tanh" if siglip else "none"
    projection = (
        weights[f"{emb}.patch_embeddings.projection.{leaf}"] for leaf in ("weight", "bias")
    )
    patches = F.conv2d(image, *projection, stride=8).flatten(2).transpose(1, 2)
    first = weights[f"{emb}.cls_token"].expand(len(image), -1, -1)
    x = torch.cat([first, patches], 1) + weights[f"{emb}.position_embeddings"]
    x = x[:, 1:] if siglip else x
    for layer in ("vit.encoder.layer.0", "vit.encoder.layer.1"):
        y = norm(f"{layer}.layernorm_before", x)
        heads = [
            linear(f"{layer}.attention.attention.{name}", y).unflatten(2, (3, 4)).transpose(1, 2)
            for name in ("query", "key", "value")
        ]
        weight = (heads[0] @ heads[1].transpose(2, 3) / 2).softmax(-1)  # 2 = sqrt(4 a head)
        mixed = (weight @ heads[2]).transpose(1, 2).flatten(2)
        x = x + linear(f"{layer}.attention.output.dense", mixed)
        y = linear(f"{layer}.intermediate.dense", norm(f"{layer}.layernorm_after", x))
        x = x + linear(f"{layer}.output.dense", F.gelu(y, approximate=approximate))
    x = norm("vit.layernorm", x)
    return linear("classifier", x.mean(1) if siglip else x[:, 0])


def as_siglip(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors as a SigLIP without a class token would hold them."""
    names = {
        "vit.embeddings.position_embeddings": "vision_model.embeddings.position_embedding.weight",
        "vit.embeddings.patch_embeddings.projection": "vision_model.embeddings.patch_embedding",
        "vit.layernorm": "vision_model.post_layernorm",
        "vit.encoder.layer.": "vision_model.encoder.layers.",
        "attention.attention.query": "self_attn.q_proj",
        "attention.attention.key": "self_attn.k_proj",
        "attention.attention.value": "self_attn.v_proj",
        "attention.output.dense": "self_attn.out_proj",
        "intermediate.dense": "mlp.fc1",
        "output.dense": "mlp.fc2",
        "layernorm_before": "layer_norm1",
        "layernorm_after": "layer_norm2",
    }
    found = {}
    for name, tensor in weights.items():
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        found[name] = tensor[0, 1:] if "position" in name else tensor
    del found["vit.embeddings.cls_token"]
    return {**found, "vision_model.head.probe": torch.zeros(1, 1, WIDTH)}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """``folder(weights, pixels=..., **config)`` writes a model's folder."""

    def write(
        weights: dict[str, Tensor], pixels: dict[str, Any] | None = None, **config: Any
    ) -> Path:
        where = tmp_path / "model"
        where.mkdir()
        (where / "config.json").write_text(json.dumps(config))
        save_file(weights, where / "model.safetensors")
        if pixels is not None:
            (where / "preprocessor_config.json").write_text(json.dumps(pixels))
        return where

    return write


def test_a_vit_answers_as_its_equations_say(
    folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = state(), tmp_path / "out.safetensors"
    assert (
        main(["import-weights", "huggingface", str(folder(weights, PIXELS, **CONFIG)), str(out)])
        == 0
    )
    assert "vit image classifier" in capsys.readouterr().out
    detector = load_detector(out)
    image = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        found = detector.network(image)
    torch.testing.assert_close(found, answer(weights, image).flip(1), rtol=1e-4, atol=1e-4)
    card = detector.card
    assert card.provenance["classes"] == "fake,real"
    assert set(card.provenance["files"]) == {
        "config.json", "model.safetensors", "preprocessor_config.json"
    }  # fmt: skip
    assert card.preprocessing.image_size == 32
    assert card.preprocessing.std == (0.4, 0.5, 0.6)


def test_a_siglip_answers_as_its_equations_say(folder: Callable[..., Path], tmp_path: Path) -> None:
    weights, out = state(), tmp_path / "out.safetensors"
    described = {"hidden_act": "gelu_pytorch_tanh"}
    described |= {key: value for key, value in CONFIG.items() if key not in ("id2label",)}
    config = {"vision_config": described, "id2label": {"0": "Real", "1": "Fake"}}
    where = folder(as_siglip(weights), PIXELS, model_type="siglip", **config)
    card = import_weights("huggingface", [where], out)
    assert card.options["pool"] == "mean"
    image = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        found = load_detector(out).network(image)
    torch.testing.assert_close(found, answer(weights, image, siglip=True), rtol=1e-4, atol=1e-4)


def test_a_folder_of_timm_says_its_network_and_classes(
    folder: Callable[..., Path], tmp_path: Path
) -> None:
    network = timm.create_model("resnet10t", num_classes=2).eval()
    about = {"mean": [0.5] * 3, "std": [0.5] * 3, "input_size": [3, 96, 96]}
    config = {"architecture": "resnet10t", "label_names": ["real", "AI generated"]}
    where = folder(network.state_dict(), pretrained_cfg=about, **config)
    out = tmp_path / "out.safetensors"
    card = import_weights("huggingface", [where], out)
    assert (card.detector, card.preprocessing.image_size) == ("timm:resnet10t", 96)
    assert card.preprocessing.mean == (0.5, 0.5, 0.5)
    image = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        torch.testing.assert_close(load_detector(out).network(image), network(image))


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("FAKE", "fake"),
        ("Realism", "real"),
        ("ai-generated", "fake"),
        ("LABEL_1", ""),
        ("non-fake", ""),
        ("real or fake", ""),
        ("unreal", ""),
    ],
)
def test_a_label_is_understood_or_not(label: str, kind: str) -> None:
    assert label_class(label) == kind


def test_labels_that_say_nothing_are_refused(folder: Callable[..., Path], tmp_path: Path) -> None:
    config = CONFIG | {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
    weights, out = state(), tmp_path / "out.safetensors"
    where = folder(weights, PIXELS, **config)
    with pytest.raises(CheckpointError, match=r"config.json: its labels .*LABEL_0.* do not say"):
        import_weights("huggingface", [where], out)
    card = import_weights("huggingface", [where], out, classes="real,fake")
    assert card.provenance["classes"] == "real,fake"


@pytest.mark.parametrize(
    ("change", "pixels", "message"),
    [
        ({"model_type": "swin"}, PIXELS, r"config.json: is a swin. .*external:module:function"),
        ({"hidden_act": "relu"}, PIXELS, r"config.json: has hidden_act 'relu'"),
        ({"hidden_size": 15}, PIXELS, r"not a vit image classifier .* of another shape"),
        ({"id2label": {"0": "cat"}}, PIXELS, r"do not say which of two is real"),
        ({}, None, r"no preprocessor_config.json beside it"),
        ({}, {"size": 32}, r"preprocessor_config.json: has no image_mean"),
        ({}, PIXELS | {"rescale_factor": 2 / 255}, r"preprocessor_config.json: brings pixels to"),
        ({}, PIXELS | {"do_rescale": False}, r"preprocessor_config.json: brings pixels to another"),
    ],
)
def test_what_is_not_understood_is_named(
    change: dict[str, Any],
    pixels: dict[str, Any] | None,
    message: str,
    folder: Callable[..., Path],
    tmp_path: Path,
) -> None:
    where = folder(state(), pixels, **(CONFIG | change))
    with pytest.raises(CheckpointError, match=message):
        import_weights("huggingface", [where], tmp_path / "out.safetensors")


def test_given_classes_must_not_contradict_the_labels(
    folder: Callable[..., Path], tmp_path: Path
) -> None:
    where, out = folder(state(), PIXELS, **CONFIG), tmp_path / "out.safetensors"
    with pytest.raises(ValueError, match=r"fake,real by the labels .* not real,fake"):
        import_weights("huggingface", [where], out, classes="real,fake")
    (where / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"holds no config.json with model.safetensors"):
        import_weights("huggingface", [where], out)
    with pytest.raises(ValueError, match=r"huggingface takes the FOLDER of a model"):
        import_weights("huggingface", [where / "model.safetensors"], out)
