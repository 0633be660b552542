from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from telltrace.cli import main
from telltrace.explanation import forgery_attention, grad_cam
from telltrace.explanation.gradients import STEPS, integrated_gradients
from telltrace.visualization import attention_figure

from .conftest import SIDE, detector, faces


class Corner(nn.Module):
    """Says fake for red in the upper left quarter, real for blue in the lower right one."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 2, 1, bias=False)
        nn.init.zeros_(self.features.weight)
        self.features.weight.data[0, 0] = self.features.weight.data[1, 2] = 1
        self.active = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.active(self.features(x))
        half = SIDE // 2
        fake, real = maps[:, 0, :half, :half].mean((1, 2)), maps[:, 1, half:, half:].mean((1, 2))
        return torch.stack([real, fake], dim=1)


def test_the_attention_of_pixels_is_the_gradient_of_fake_against_real() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2))
    gradient = network[1].weight[1] - network[1].weight[0]
    expected = gradient.detach().view(3, SIDE, SIDE).abs().amax(0).numpy()
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    maps = forgery_attention(detector(network), faces())
    assert maps.shape == (3, SIDE, SIDE)
    np.testing.assert_allclose(maps[1], expected, atol=1e-5)


def test_only_places_that_decide_are_marked() -> None:
    quarter = slice(0, SIDE // 2)
    maps = forgery_attention(detector(Corner()), faces())
    middle = maps[:, SIDE // 2 :, quarter]
    assert maps[:, quarter, quarter].mean() > 0.2
    assert middle.max() == 0


def test_grad_cam_weights_the_last_features_even_if_they_are_changed_in_place() -> None:
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[4:8, 20:24, 0], image[24:28, 20:24, 2] = 255, 255
    (found,) = grad_cam(detector(Corner()), [image])
    assert found[4:8, 20:24].min() > 0.9
    assert found[24:28, 20:24].max() < 0.1


def test_a_network_without_features_of_two_dimensions_is_refused() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2))
    with pytest.raises(ValueError, match="no features with a height and a width"):
        grad_cam(detector(network), faces())


def test_integrated_gradients_of_a_linear_network_are_its_weights_times_the_face() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2))
    made = detector(network)
    (face,) = faces(1)
    weights = (network[1].weight[1] - network[1].weight[0]).detach().view(3, SIDE, SIDE)
    added = (made.card.preprocessing.tensor(face[None])[0] * weights).sum(0)
    expected = added.view(SIDE // 8, 8, SIDE // 8, 8).mean((1, 3)).relu().numpy()
    (found,) = integrated_gradients(made, [face])
    np.testing.assert_allclose(found, expected / expected.max(), atol=1e-3)
    assert STEPS > 1


def test_the_picture_has_a_row_a_count_and_a_column_a_detector(
    manifest: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figure.png"
    files = [str(checkpoint), "default", str(manifest)]
    assert main(["show", "attention", *files, "--counts", "2", "4", "--out", str(out)]) == 0
    assert "attention -> " in capsys.readouterr().out
    with Image.open(out) as picture:
        assert picture.width > picture.height


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["m"], "a detector and a manifest"),
        (["c"], "a detector and a manifest"),
        (["c", "m"], "of 4 videos only"),
    ],
)
def test_what_is_missing_is_said(
    files: list[str],
    said: str,
    manifest: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = [str({"m": manifest, "c": checkpoint}[file]) for file in files]
    assert main(["show", "attention", *named, "--out", str(tmp_path / "x.png")]) == 2
    assert said in capsys.readouterr().err


def test_the_figure_averages_the_first_maps_of_each_detector() -> None:
    maps = {"one": np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 2, 2), np.float32)}
    maps["two"] = 10 * maps["one"]
    shown = np.stack([np.full((2, 2, 3), value, np.uint8) for value in (0, 100, 200, 40)])
    figure = attention_figure(maps, shown, [2, 4])
    values = [
        [float(axes.images[0].get_array().mean()) for axes in figure.axes[i : i + 3]]
        for i in (0, 3)
    ]
    assert values == [[50, 0.5, 5], [85, 1.5, 15]]
    assert [axes.get_title() for axes in figure.axes[:3]] == ["average face", "one", "two"]
