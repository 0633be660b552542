"""Published weights become checkpoints; the files are written here, as their authors would."""

import hashlib
import json
import os
import pickle
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from telltrace.checkpoint import load_detector
from telltrace.cli import main
from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError
from telltrace.models import DETECTORS, create_detector
from telltrace.published import (
    LAYOUTS,
    Layout,
    export_published,
    import_weights,
    load_published,
)

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The encoder and the decoder of a Y-shaped autoencoder, saved as ClassNSeg does."""
    folder = tmp_path_factory.mktemp("pair")
    state = export_published(create_detector("multi_task"))
    paths = folder / "encoder_1.pt", folder / "decoder_1.pt"
    for path in paths:
        prefix = path.name.partition("_")[0] + "."
        part = {k.removeprefix(prefix): t for k, t in state.items() if k.startswith(prefix)}
        torch.save(part, path)
    return paths


def write_keras(path: Path, first: int = 1) -> None:
    """Meso-4 whose convolutions are all zero: what it says depends on its last bias alone."""
    shapes = {
        "conv2d": [(3, 3, 3, 8), (5, 5, 8, 8), (5, 5, 8, 16), (5, 5, 16, 16)],
        "dense": [(1024, 16), (16, 1)],
    }
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.1.5"
        for kind, kernels in shapes.items():
            for number, shape in enumerate(kernels, start=first):
                group = file.create_group(f"{kind}_{number}/{kind}_{number}")
                group["kernel:0"] = np.zeros(shape, np.float32)
                group["bias:0"] = np.full(shape[-1], 2.0, np.float32)
        for number, (*_, width) in enumerate(shapes["conv2d"], start=first):
            group = file.create_group(f"batch_normalization_{number}/batch_normalization_{number}")
            for part in ("gamma", "beta", "moving_mean", "moving_variance"):
                group[f"{part}:0"] = np.ones(width, np.float32)


def test_keras_polarity_is_turned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The unit's logit is 2 whatever it sees, so upstream says 0.88 real: 0.12 fake."""
    source, out = tmp_path / "Meso4.h5", tmp_path / "meso4.safetensors"
    write_keras(source, first=9)
    assert main(["import-weights", "meso-keras", str(source), str(out)]) == 0
    assert "meso4 {'layout': 'keras'}" in capsys.readouterr().out
    judge = load_detector(out)
    crops = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    assert judge.score(crops) == pytest.approx(1 - 1 / (1 + np.exp(-2)))
    card = judge.card
    assert card.preprocessing.mean == (0, 0, 0)
    assert card.preprocessing.std == (1, 1, 1)
    assert card.preprocessing.crop.margin == 1.07
    assert card.provenance["files"] == {"Meso4.h5": hashlib.sha256(source.read_bytes()).hexdigest()}
    assert card.provenance["classes"] == "one sigmoid, 1 real"
    assert card.provenance["licence"]
    assert str(tmp_path) not in card.to_json()


def test_the_pair_is_joined_and_its_classes_exchanged(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "multi_task.safetensors"
    card = import_weights("multi-task", pair, out, margin=1.5, alignment="similarity")
    state = {
        f"{path.name.partition('_')[0]}.{name}": tensor
        for path in pair
        for name, tensor in torch.load(path, weights_only=True).items()
    }
    literal = load_published("multi_task", state).eval()
    judge = load_detector(out)
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(judge.network(image), literal(image).flip(1))
    crop = card.preprocessing.crop
    assert (crop.margin, crop.alignment, crop.size) == (1.5, "similarity", 256)


OPTIONS: dict[str, dict[str, object]] = {
    "f3net_fad": {"reference_compatible": True, "image_size": 64},
    "m2tr": {"image_size": 64},
    "meso4": {"image_size": 64},
    "meso_inception4": {"image_size": 64},
    "xception": {},
}
"""Options of a small published network of each format."""


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_published_state_dicts_become_checkpoints(name: str, suffix: str, tmp_path: Path) -> None:
    options = OPTIONS[name]
    detector = create_detector(name, **options).eval()
    prefix = "module." if name in ("f3net_fad", "m2tr") else "module.backbone."
    state: dict[str, Tensor] = {f"{prefix}{k}": t for k, t in export_published(detector).items()}
    source = tmp_path / f"published{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": state, "epoch": 3} if name == "meso4" else state, source)
    else:
        save_file({k.removeprefix("module."): t.contiguous() for k, t in state.items()}, source)
    out = tmp_path / "out.safetensors"
    card = import_weights(name, [source], out, image_size=64)
    assert card.options == options
    assert card.preprocessing.image_size == 64
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(load_detector(out).network(image), detector(image))


class Attack:
    """Something that makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


def test_no_code_of_a_weights_file_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, saved, out = tmp_path / "a.pth", tmp_path / "b.pth", tmp_path / "out.safetensors"
    folder = tmp_path / "attacked"
    plain.write_bytes(pickle.dumps(Attack(folder)))
    torch.save({"weight": Attack(folder)}, saved)
    for hostile, found in (
        (plain, "is damaged, or of another kind"),
        (saved, "asks for posix.mkdir"),
    ):
        assert main(["import-weights", "xception", str(hostile), str(out)]) == 2
        assert f"it {found}. Nothing in it was run" in capsys.readouterr().err
        assert not folder.exists()
        assert not out.exists()
    pickle.loads(plain.read_bytes())  # the attack is one
    assert folder.exists()


def test_what_cannot_be_imported_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    noise = tmp_path / "noise.h5"
    noise.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    numbers = tmp_path / "numbers.pth"
    torch.save({"epoch": 3}, numbers)
    text = tmp_path / "text.pth"
    text.write_text("hello, these are no weights")
    for format, files, target, message in (
        (
            "meso",
            [noise],
            out,
            r"named 'meso'; there are .*meso-keras, meso4",
        ),
        ("multi-task", [pair[0]], out, r"takes 2 file\(s\), ENCODER.pt DECODER.pt, got 1"),
        ("multi-task", pair[::-1], out, r"has no encoder\.encoder\.24\.weight"),
        ("meso-keras", [noise], out, r"noise\.h5: not a complete HDF5 file"),
        ("meso-keras", [tmp_path / "none.h5"], out, r"none\.h5: no such file"),
        ("meso4", [numbers], out, r"numbers\.pth: holds a dict, not a state dict of tensors"),
        (
            "meso4",
            [text],
            out,
            r"text\.pth: not a file of plain tensors: it is damaged, or of another",
        ),
        ("meso4", [noise], noise, r"Give a name that ends in \.safetensors"),
    ):
        with pytest.raises(ValueError, match=message):
            import_weights(format, files, target)
    assert not out.exists()


def test_hdf5_needs_a_package_that_the_message_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_keras(tmp_path / "Meso4.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ValueError, match=r"pip install 'telltrace\[import\]'"):
        import_weights("meso-keras", [tmp_path / "Meso4.h5"], tmp_path / "out.safetensors")


def test_what_says_its_preprocessing_can_be_imported() -> None:
    known = {name for name, layout in LAYOUTS.items() if layout.preprocessing}
    kinds = ("b4", "b4st", "autoattb4", "autoattb4st")
    benchmark = ("core", "efficientnetb4", "recce", "spsl", "srm", "ucf", "xception")
    new = {"gend_clip_l14", "sbi", "dfdc_b7", *(f"dfb_{method}" for method in benchmark)}
    new |= {"ispl_xception", *(f"ispl_efficientnet{kind}" for kind in kinds)}
    assert known == {"meso-keras", "multi-task", *OPTIONS, *new}


def test_published_frame_rules() -> None:
    rules = {name: LAYOUTS[name].frames for name in ("sbi", "dfdc_b7", "gend_clip_l14")}
    assert rules == {"sbi": "mean", "dfdc_b7": "confident", "gend_clip_l14": "mean"}
    for name, layout in LAYOUTS.items():
        if name.startswith(("dfb_", "ispl_")):
            assert layout.frames == ("mean" if name.startswith("dfb_") else "logits")


def test_a_new_layout_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A toy that says where its tensors go is loaded, written and imported like any other."""
    toy = Layout(
        source="a toy",
        preprocessing=Preprocessing(),
        mark="first.weight",
        describe=lambda state: ("toy", {"width": len(state["first.weight"])}),
        rename=lambda name: name.replace("0.", "first.").replace("4.", "last."),
        kind=Toy,
    )
    monkeypatch.setitem(DETECTORS, "toy", Toy)
    monkeypatch.setitem(LAYOUTS, "toy", toy)
    source = Toy(width=5).eval()
    state = {f"net.{name}": tensor for name, tensor in export_published(source).items()}
    assert sorted(state)[:2] == ["net.first.bias", "net.first.weight"]
    save_file(state, tmp_path / "toy.safetensors")
    card = import_weights("toy", [tmp_path / "toy.safetensors"], tmp_path / "out.safetensors")
    assert card.options == {"width": 5}
    image = torch.rand(2, 3, 32, 32)
    again = load_detector(tmp_path / "out.safetensors").network
    torch.testing.assert_close(again(image), source(image))
    del state["net.last.bias"]
    with pytest.raises(CheckpointError, match=r"not a toy: 1 missing, such as last\.bias"):
        load_published("toy", state)


class Toy(nn.Sequential):
    def __init__(self, width: int = 4) -> None:
        layers = (nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        super().__init__(*layers, nn.Linear(width, 2))


@pytest.mark.data
@pytest.mark.parametrize("name", ["Meso4_DF", "Meso4_F2F", "MesoInception_DF", "MesoInception_F2F"])
def test_published_meso_weights_give_the_published_answers(
    name: str, data_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.safetensors"
    import_weights("meso-keras", [data_root / "weights" / f"{name}.h5"], out)
    golden = json.loads((GOLDEN / "meso_keras.json").read_text())
    pictures = np.random.RandomState(0).random_sample((2, 256, 256, 3)).astype(np.float32)
    with torch.inference_mode():
        logits = load_detector(out).network(torch.from_numpy(pictures).permute(0, 3, 1, 2))
    real = logits.softmax(1)[:, 0]
    assert real.tolist() == pytest.approx(golden["output"][name], abs=golden["tolerance"])


@pytest.mark.data
def test_the_published_pair_gives_the_published_answers(data_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    files = [data_root / "weights" / f"multi_task_{part}_46.pt" for part in ("encoder", "decoder")]
    import_weights("multi-task", files, out)
    golden = json.loads((GOLDEN / "multi_task_published.json").read_text())
    network = load_detector(out).network.double()
    picture = torch.from_numpy(np.random.RandomState(0).standard_normal((2, 3, 256, 256)))
    with torch.inference_mode():
        latent = network.encoder(picture)
        segmentation, reconstruction = network.decode(latent)
        first, second = network.classify(latent).flip(1).T.tolist()
    # The golden file calls the first share of the latent real; see `read_multi_task`.
    assert first == pytest.approx(golden["activation_mean_abs"]["real"], abs=1e-5)
    assert second == pytest.approx(golden["activation_mean_abs"]["fake"], abs=1e-5)
    pixels = segmentation.softmax(1)
    mean = golden["segmentation_mean"]
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx(mean, abs=1e-5)
    for tensor, key in ((pixels, "segmentation_first"), (reconstruction, "reconstruction_first")):
        assert tensor.flatten()[:8].tolist() == pytest.approx(golden[key], abs=1e-5)
