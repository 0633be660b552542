from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from telltrace.cli import main
from telltrace.explanation import embeddings, inner_maps
from telltrace.models import create_detector

from .conftest import SIDE, detector, faces


@pytest.mark.parametrize(
    ("name", "options", "maps"),
    [
        ("sfi_mobilenet", {}, {"MCSConv residual"}),
        ("two_stream_xception", {"image_size": SIDE}, {"SRM residual", "spatial attention"}),
        ("ib_mobilenet", {"num_blocks": 2}, {"local block 1", "local block 2"}),
    ],
)
def test_each_papers_network_shows_what_is_its_own(
    name: str, options: dict[str, int], maps: set[str]
) -> None:
    torch.manual_seed(0)
    found = inner_maps(detector(create_detector(name, **options), name), faces(2))
    assert set(found) == maps
    for each in found.values():
        assert each.ndim == 3
        assert each.min() == 0
        assert each.max() == pytest.approx(1)


def test_a_residual_is_nothing_where_the_face_is_flat_and_something_at_an_edge() -> None:
    face = np.full((SIDE, SIDE, 3), 90, np.uint8)
    face[:, SIDE // 2 :] = 160
    two_stream = create_detector("two_stream_xception", image_size=SIDE)
    (residual,) = inner_maps(detector(two_stream), [face])["SRM residual"]
    middle = residual[8:-8]
    assert middle[:, 8:24].max() < 0.01
    assert middle[:, SIDE // 2 - 1 : SIDE // 2 + 1].min() > 0.4  # the border of the picture has 1


def test_features_are_what_the_last_layer_reads() -> None:
    made = detector(create_detector("mobilenet"), "mobilenet")
    found = embeddings(made, faces(4))
    assert found.shape == (4, 1024)
    head = [m for m in made.network.modules() if isinstance(m, torch.nn.Linear)][-1]
    logits = head(torch.from_numpy(found)).detach().numpy()
    shifted = logits[:, 1] - logits[:, 0]
    scores = 1 / (1 + np.exp(-shifted))
    np.testing.assert_allclose(made.score(faces(4)), scores, atol=1e-5)


@pytest.mark.parametrize("what", ["inside", "embeddings", "spectra"])
def test_each_is_drawn(what: str, manifest: Path, checkpoint: Path, tmp_path: Path) -> None:
    files = [str(manifest)] if what == "spectra" else [str(checkpoint), str(manifest)]
    out = tmp_path / "picture.png"
    assert main(["show", what, *files, "--count", "5", "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 100


def test_a_detector_without_any_of_them_says_so(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "x.png")
    assert main(["show", "inside", "default", str(manifest), "--out", out]) == 2
    assert "has no residual, spatial attention or local blocks" in capsys.readouterr().err
    assert main(["show", "embeddings", str(manifest), "--out", out]) == 2
    assert "Name one (or default) first" in capsys.readouterr().err
