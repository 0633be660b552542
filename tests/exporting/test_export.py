"""Exported detectors: the same scores, the same card, and nothing that is not ours."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from telltrace import exporting
from telltrace.backends import onnx_runner, openvino_runner, to_onnx
from telltrace.checkpoint import Calibration, Card, load_detector, read_card, save_checkpoint
from telltrace.cli import main
from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError, OptionError, OutputError
from telltrace.evaluation import read_scores
from telltrace.exporting.crops import example_crops
from telltrace.exporting.graphs import PRODUCTS, quantised
from telltrace.faces.align import FaceCrop
from telltrace.models.registry import create_detector
from telltrace.models.spsl import phase_picture
from telltrace.robustness.run import scores_path

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


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """A manifest of six crops of noise, half of them called fake."""
    rng, lines = np.random.default_rng(5), ["path,label,video,split"]
    for i in range(6):
        pixels = rng.integers(0, 256, (80, 80, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{i % 2},v{i},test")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    about = {"crop": FaceCrop(size=80, margin=1.3).to_dict()}
    (tmp_path / "prepare.json").write_text(json.dumps(about))
    return tmp_path / "manifest.csv"


@pytest.mark.parametrize("ending", ["onnx", "xml"])
def test_commands_take_an_export_as_they_take_its_checkpoint(
    folder: Path, crops: Path, tmp_path: Path, ending: str
) -> None:
    found = []
    for name in ("meso4.safetensors", f"meso4.{ending}"):
        out = tmp_path / f"{name}.csv"
        chosen = ["--checkpoint", str(folder / name)]
        assert main(["predict", str(crops), *chosen, "--split", "test", "--out", str(out)]) == 0
        found.append(read_scores(out).score)
        out = tmp_path / f"{name} corrupted"
        few = ["--corruptions", "gamma", "--levels", "5", "--split", "test"]
        assert main(["robustness", str(folder / name), str(crops), "--out", str(out), *few]) == 0
        found.append(read_scores(scores_path(out, "gamma", 5)).score)
    np.testing.assert_allclose(found[0], found[2], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[1], found[3], rtol=0, atol=1e-5)
    assert abs(found[0] - found[1]).max() > 1e-4


def test_several_networks_are_exported_one_by_one(folder: Path, tmp_path: Path) -> None:
    one = read_card(folder / "meso4.safetensors")
    path = tmp_path / "both.safetensors"
    networks = [create_detector("meso4", image_size=32) for _ in range(2)]
    save_checkpoint(path, nn.ModuleList(networks), replace(one, members=(one, one)))
    with pytest.raises(OptionError, match="each"):
        exporting.export(path, tmp_path / "both.onnx", samples=2)


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
    elif how == "several":
        one = Card.from_json(properties["telltrace_card"].value)
        text = replace(one, members=(one, one)).to_json()
        properties["telltrace_card"].value = text
        properties["telltrace_card_sha256"].value = hashlib.sha256(text.encode()).hexdigest()
    elif how == "type":
        model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT8
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
        ("several", "speaks of 2 networks"),
        ("type", "int8.*not crops"),
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
