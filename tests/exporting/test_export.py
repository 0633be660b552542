"""Exported detectors: the same scores, the same card, and nothing that is not ours."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from telltrace import exporting
from telltrace.backends import onnx_runner, openvino_runner, to_onnx
from telltrace.checkpoint import Calibration, Card, load_detector, read_card, save_checkpoint
from telltrace.cli import main
from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError, OptionError, OutputError
from telltrace.exporting.crops import example_crops
from telltrace.exporting.graphs import PRODUCTS, quantised
from telltrace.faces.align import FaceCrop
from telltrace.models.registry import create_detector
from telltrace.models.spsl import phase_picture

SIZE = {"meso4": 32, "blend_map": 64}


def saved(folder: Path, name: str) -> Path:
    torch.manual_seed(0)
    options = {"image_size": 32} if name == "meso4" else {}
    card = Card(
        detector=name,
        options=options,
        preprocessing=Preprocessing(FaceCrop(size=80, margin=1.3), image_size=SIZE[name]),
        calibration=Calibration(temperature=0.5, bias=0.1, real_below=0.2, fake_from=0.8),
        provenance={"summary": 'a "quoted" <text> & more'},
    )
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, create_detector(name, **options), card)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    checkpoint = saved(folder, "meso4")
    exporting.export(checkpoint, folder / "meso4.onnx", samples=9)
    exporting.export(checkpoint, folder / "meso4.xml", "openvino", samples=9)
    return folder


@pytest.mark.parametrize("file", ["meso4.onnx", "meso4.xml"])
def test_an_export_stands_for_its_checkpoint(folder: Path, file: str) -> None:
    checkpoint = load_detector(folder / "meso4.safetensors", backend="torch")
    exported = load_detector(folder / file)
    assert exported.card == checkpoint.card == read_card(folder / file)
    crops = example_crops(exported.card.preprocessing, (), 13).images
    expected = checkpoint.score_resized(crops)
    np.testing.assert_allclose(exported.score_resized(crops), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(exported.score(list(crops[:1])), expected[:1], rtol=0, atol=1e-5)
    with pytest.raises(OptionError, match="no network to look into"):
        _ = exported.network


def test_a_map_of_pasted_places_is_exported_too(tmp_path: Path) -> None:
    path, out = saved(tmp_path, "blend_map"), tmp_path / "a.onnx"
    found = exporting.export(path, out, samples=4)
    assert found.differences.keys() == {"onnx", "openvino"}
    assert max(found.differences.values()) < 2e-5
    crops = example_crops(read_card(path).preprocessing, (), 3).images
    here, there = (load_detector(file).judge_resized(crops)[1] for file in (path, out))
    assert here is not None
    assert there is not None
    np.testing.assert_allclose(here, there, atol=1e-4)


def test_spectra_are_exported() -> None:
    class Phase(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return phase_picture(image)

    image = torch.rand(3, 3, 16, 15)
    model = to_onnx(Phase(), [image[:2]], ["x"], ["y"], {"x": {0: "n"}, "y": {0: "n"}})
    expected = phase_picture(image).numpy()
    for run in (onnx_runner(model), openvino_runner(model)):
        np.testing.assert_allclose(run(image.numpy())[0], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8"])
def test_fewer_bits_make_a_smaller_file_with_near_scores(folder: Path, precision: str) -> None:
    out = folder / f"{precision}.xml"
    arguments = [str(folder / "meso4.safetensors"), "--format", "openvino", "--samples", "6"]
    assert main(["export", *arguments, "--out", str(out), "--precision", precision]) == 0
    weights = folder / "meso4.bin"
    assert out.with_suffix(".bin").stat().st_size < 0.6 * weights.stat().st_size
    exported = load_detector(out)
    crops = example_crops(exported.card.preprocessing, (), 6).images
    expected = load_detector(folder / "meso4.safetensors").score_resized(crops)
    assert 0 < abs(exported.score_resized(crops) - expected).max() < 0.2


def test_delicate_products_stay_in_float() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(8 * 4 * 4, 2),
    )  # fmt: skip
    images = np.random.default_rng(0).random((4, 3, 8, 8), np.float32)
    plain = to_onnx(network.eval(), (torch.from_numpy(images),), ["images"], ["logits"], {})
    graph = quantised(onnx.load_model_from_string(plain), images).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    products = [node for node in graph.node if node.op_type in PRODUCTS]
    eighths = [made_by.get(node.input[1]) == "DequantizeLinear" for node in products]
    assert eighths == [False, False, True, False]  # the first, a depthwise one, and the head


def test_torch_export_is_written_and_never_opened(folder: Path) -> None:
    out = folder / "meso4.pt2"
    exporting.export(folder / "meso4.safetensors", out, "torch-export", samples=3)
    said = {"telltrace_card.txt": ""}
    torch.export.load(out, extra_files=said)
    assert Card.from_json(said["telltrace_card.txt"]) == read_card(folder / "meso4.safetensors")
    with pytest.raises(CheckpointError, match="may run code"):
        load_detector(out)
    with pytest.raises(OptionError, match="keeps float32"):
        exporting.export(None, out, "torch-export", "int8")


def test_what_differs_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(exporting.BOUNDS, "fp32", -1.0)
    with pytest.raises(OutputError, match=r"differs by .* more than -1\. Please"):
        exporting.export(folder / "meso4.safetensors", folder / "no.onnx", samples=2)
    assert not (folder / "no.onnx").exists()


def broken(folder: Path, how: str) -> Path:
    """A damaged or foreign copy of an export."""
    path = folder / f"{how}.onnx"
    model = onnx.load_model(folder / "meso4.onnx")
    properties = {entry.key: entry for entry in model.metadata_props}
    if how == "card":
        card = json.loads(properties["telltrace_card"].value)
        properties["telltrace_card"].value = json.dumps(card | {"labels": ["fake", "real"]})
    elif how == "foreign":
        del model.metadata_props[:]
    elif how == "operator":
        model.graph.node[0].domain = "stranger"
    elif how == "outputs":
        model.graph.output[0].name = next(iter(model.graph.node[-2].output))
    elif how == "elsewhere":
        onnx.save_model(model, path, save_as_external_data=True, size_threshold=0)
        return path
    content = model.SerializeToString()
    path.write_bytes(content[: len(content) // 2] if how == "truncated" else content)
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("card", "its card was changed"),
        ("foreign", "without a telltrace card"),
        ("operator", "operators of its own"),
        ("outputs", "and gives|cannot read it"),
        ("elsewhere", "lie in other files"),
        ("truncated", "not a complete ONNX graph"),
    ],
)
def test_a_broken_onnx_file_is_refused(folder: Path, how: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_detector(broken(folder, how))
    assert caught.value.remedy


@pytest.mark.parametrize("how", ["missing", "other", "cut", "card"])
def test_a_broken_openvino_pair_is_refused(folder: Path, tmp_path: Path, how: str) -> None:
    graph, weights = tmp_path / "a.xml", tmp_path / "a.bin"
    text, content = (folder / f"meso4{end}" for end in (".xml", ".bin"))
    graph.write_bytes(text.read_bytes()[: 900 if how == "cut" else None])
    if how != "missing":
        weights.write_bytes(content.read_bytes() + (b"x" if how == "other" else b""))
    if how == "card":
        tree = ElementTree.parse(graph)
        tree.find("rt_info/telltrace_card").attrib["value"] += " "  # type: ignore[union-attr]
        tree.write(graph)
    with pytest.raises(CheckpointError) as caught:
        load_detector(graph)
    assert caught.value.remedy


def test_an_export_that_cannot_be_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.xml"):
        exporting.export(None, tmp_path / "a.onnx", "openvino")
    with pytest.raises(OptionError, match="backend torch cannot"):
        load_detector(folder / "meso4.onnx", backend="torch")


def test_every_form_of_this_machine_is_timed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(folder / "meso4.safetensors")
    assert main(["benchmark", path, "--samples", "4", "--batch-size", "2", "--json"]) == 0
    forms = json.loads(capsys.readouterr().out)
    named = {(form["backend"], form["precision"]) for form in forms}
    assert {("torch", "float32"), ("onnx", "fp32"), ("openvino", "int8")} <= named
    assert forms[0]["largest_difference"] == 0
    assert all(form["images_per_second"] > 0 for form in forms)
