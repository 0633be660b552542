"""The figures of the pages about ideas: `python docs/figures.py [NAME...]` draws docs/figures.

Nobody is in them: the portrait is drawn by arithmetic.
"""

import io
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import torch
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from PIL import Image

from telltrace.data.blending import BlendSettings, blend_pair
from telltrace.evaluation.metrics import auc
from telltrace.inference import Scanner
from telltrace.inference.pictures import save_picture
from telltrace.layers.constrained import ConstrainedConv2d
from telltrace.layers.space_frequency import SFIConv2d
from telltrace.layers.srm import SRMResidual
from telltrace.losses.information import kl_information
from telltrace.models import create_detector
from telltrace.models.complexity import complexity
from telltrace.pixels.codecs import write_video

OUT = Path(__file__).with_name("figures")
Picture = NDArray[np.uint8]
VISIBLE = BlendSettings(frame=0, decay=0, ratios=(1.0,), colour=3, detail=2, motion=2, visible=12)
"""Blends that are easy to see."""


@dataclass
class Drawing:
    """A picture (H, H, 3) that is drawn in place; places and sizes are shares of its side."""

    canvas: Picture

    def oval(
        self, x: float, y: float, wide: float, tall: float, colour: tuple[int, ...],
        ends: tuple[int, int] = (0, 360), line: float = 0.0,
    ) -> None:  # fmt: skip
        """A filled ellipse, or the arc between two angles as a line of some width."""
        high = len(self.canvas)
        middle, axes = (int(x * high), int(y * high)), (int(wide * high), int(tall * high))
        width = int(line * high) if line else -1
        cv2.ellipse(self.canvas, middle, axes, 0, *ends, colour, width, cv2.LINE_AA)

    def soft(self, x: float, y: float, wide: float, tall: float, change: float) -> None:
        """A place that fades into lighter or darker."""
        across, down = np.meshgrid(*[np.linspace(0, 1, len(self.canvas))] * 2)
        bump = np.exp(-(((across - x) / wide) ** 2) - ((down - y) / tall) ** 2)
        self.canvas[:] = np.clip(self.canvas + change * bump[..., None], 0, 255).astype(np.uint8)


def portrait(size: int = 256, seed: int = 0) -> Picture:
    """A drawn face, (size, size, 3) RGB, with the fine noise that a camera leaves."""
    high = 4 * size
    ground = np.full((high, high, 3), (96, 116, 132), np.uint8)
    rows = np.linspace(0, 1, high)[:, None, None]
    face = Drawing((ground * (1.1 - 0.4 * rows)).astype(np.uint8))
    face.oval(0.5, 0.4, 0.34, 0.36, (52, 38, 30))  # hair
    face.oval(0.5, 1.08, 0.46, 0.26, (58, 72, 104))  # shoulders
    face.oval(0.5, 0.8, 0.13, 0.2, (186, 142, 120))  # neck
    face.oval(0.5, 0.5, 0.255, 0.345, (214, 172, 148))  # face
    face.soft(0.4, 0.36, 0.2, 0.16, 26)
    face.soft(0.5, 0.94, 0.3, 0.12, -46)
    face.soft(0.72, 0.56, 0.1, 0.24, -34)
    face.soft(0.28, 0.56, 0.1, 0.24, -20)
    for x in (0.39, 0.61):
        face.soft(x, 0.445, 0.075, 0.045, -46)
        face.oval(x, 0.45, 0.052, 0.024, (236, 232, 228))
        face.oval(x, 0.45, 0.022, 0.023, (70, 52, 40))
        face.oval(x, 0.45, 0.01, 0.011, (14, 12, 12))
        face.oval(x + 0.006, 0.444, 0.004, 0.004, (250, 250, 250))
        face.oval(x, 0.405, 0.068, 0.02, (58, 42, 32), (180, 360), 0.014)
    face.soft(0.5, 0.54, 0.028, 0.1, 22)
    face.soft(0.5, 0.615, 0.06, 0.018, -50)
    for x in (0.475, 0.525):
        face.oval(x, 0.61, 0.011, 0.007, (110, 72, 62))
    face.oval(0.5, 0.715, 0.085, 0.026, (170, 92, 90))
    face.oval(0.5, 0.708, 0.085, 0.012, (110, 54, 56), (0, 180), 0.006)
    blurred = cv2.GaussianBlur(face.canvas, (0, 0), 5)
    small = cv2.resize(blurred, (size, size), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(seed).normal(0, 4, small.shape)
    return np.clip(small + noise, 0, 255).astype(np.uint8)


def pasted(picture: Picture) -> tuple[Picture, NDArray[np.float32]]:
    """The portrait with its middle pasted back after it was shrunk and enlarged, and the mask."""
    size = len(picture)
    mask = np.zeros((size, size), np.float32)
    middle, axes = (size // 2, int(0.55 * size)), (int(0.17 * size), int(0.2 * size))
    cv2.ellipse(mask, middle, axes, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), size / 64)
    small = cv2.resize(picture, (size // 2, size // 2), interpolation=cv2.INTER_AREA)
    other = cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)
    mixed = picture * (1 - mask[..., None]) + other * mask[..., None]
    return mixed.astype(np.uint8), mask


def draw_space_frequency() -> plt.Figure:
    """The four blocks of Stage 2 as one weight, and what a smaller frequency stream saves."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    torch.manual_seed(0)
    weight = SFIConv2d(2, 16, 16, 3, padding=1).weight.detach().square().mean((2, 3)).sqrt()
    left.imshow(weight, cmap="Purples")
    for text, row, column in (
        ("S to S", 4, 4),
        ("F to S", 4, 12),
        ("S to F", 12, 4),
        ("F to F", 12, 12),
    ):
        left.text(column - 0.5, row - 0.5, text, ha="center", va="center", backgroundcolor="white")
    left.axhline(7.5, color="black"), left.axvline(7.5, color="black")
    left.set(xticks=[], yticks=[], xlabel="input channels", ylabel="output channels")
    left.set_title("Stage 2 is one weight")
    betas = [0.25, 0.5, 0.75, 1.0]
    costs = [complexity(create_detector("sfi_resnet26", alpha=0.5, beta=b), 256) for b in betas]
    right.plot(betas, [c.paper_macs / 1e9 for c in costs], "o--", label="the paper's counting")
    right.plot(betas, [c.executed_macs / 1e9 for c in costs], "s-", label="computed here")
    right.set(xlabel="beta", ylabel="GMac, SFI-ResNet26, 256 pixels", ylim=(0, None))
    right.set_title("What a smaller frequency stream costs")
    right.legend()
    return figure


def draw_noise() -> plt.Figure:
    """A paste that cannot be seen, and the two residuals in which it can."""
    picture, mask = pasted(portrait())
    image = torch.from_numpy(picture / 255.0).float().permute(2, 0, 1)[None]
    srm = SRMResidual()(255 * image)[0].abs().mean(0)
    kernel = ConstrainedConv2d(3)
    kernel.weight.data[:] = best_prediction(image)
    traces = kernel(image)[0].abs().mean(0).detach()
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.7))
    shown: list[tuple[str, Any, dict[str, Any]]] = [
        ("a pasted face", picture, {}),
        ("where it was pasted", mask, {"cmap": "gray"}),
        ("SRM residual", _blurred(srm), {"cmap": "magma"}),
        ("MCSConv, fitted", _blurred(traces), {"cmap": "magma"}),
    ]
    for place, (title, content, how) in zip(axes, shown, strict=True):
        place.imshow(content, **how)
        place.set_title(title, fontsize=10)
        place.set_axis_off()
    return figure


def best_prediction(image: torch.Tensor) -> torch.Tensor:
    """The 5 x 5 kernel of Eq. 1 that predicts the pixels of an image best, by least squares."""
    patches = torch.nn.functional.unfold(image.mean(1, keepdim=True), 5)[0].double()
    around = [place for place in range(25) if place != 12]
    differences = patches[around] - patches[12]
    weights = torch.linalg.solve(differences @ differences.T, torch.ones(24, dtype=torch.double))
    kernel = torch.full((25,), -1.0, dtype=torch.double)
    kernel[around] = weights / weights.sum()
    return kernel.reshape(5, 5).float()


def _blurred(residual: torch.Tensor) -> NDArray[np.float32]:
    """The local strength of a residual, without edges: its median over 9 x 9 pixels."""
    inside = residual[8:-8, 8:-8]
    scaled = (255 * inside / inside.quantile(0.95)).clamp(0, 255).byte().numpy()
    return cv2.medianBlur(scaled, 9).astype(np.float32)


def draw_bottleneck() -> plt.Figure:
    """How far two answers are apart: the divergence per image, and half of it, as released."""
    figure, axes = plt.subplots(figsize=(5, 3.2))
    reference = torch.tensor([[0.0, 2.0]])
    logits = torch.linspace(-4, 8, 121)
    answers = torch.stack([torch.zeros_like(logits), logits], 1)
    ours = torch.stack([kl_information(reference, answer[None]) for answer in answers])
    axes.plot(logits, ours, label="Kullback-Leibler divergence")
    axes.plot(logits, ours / 2, "--", label="divided by the classes once more, as released")
    axes.axvline(2, color="grey", lw=0.8)
    axes.text(1.8, 0.6, "the reference's answer", rotation=90, ha="right", va="center", size=8)
    axes.set(xlabel="logit of fake of the other answer", ylabel="nats per image", ylim=(0, 1.6))
    axes.legend(fontsize=8)
    return figure


def draw_blends() -> plt.Figure:
    """A real face, the mask, the blend, and what differs."""
    rng = np.random.default_rng(5)
    blend = blend_pair(portrait(192), rng, settings=BlendSettings(frame=0, decay=0, ratios=(1.0,)))
    difference = np.abs(blend.real.astype(int) - blend.fake).mean(2)
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.7))
    shown: list[tuple[str, Any, dict[str, Any]]] = [
        ("real", blend.real, {}),
        ("how opaque the paste is", blend.mask, {"cmap": "gray"}),
        ("blend", blend.fake, {}),
        ("difference", difference, {"cmap": "magma"}),
    ]
    for place, (title, content, how) in zip(axes, shown, strict=True):
        place.imshow(content, **how)
        place.set_title(title, fontsize=10)
        place.set_axis_off()
    return figure


def chance_aucs(people: int, tables: int = 400, frames: int = 32) -> NDArray[np.float64]:
    """Frame AUCs of a detector that knows nothing, (tables,), with so many people in each class.

    Every person has a score of their own, by chance, around which their frames lie.
    """
    rng = np.random.default_rng(people)
    labels = np.repeat([0, 1], people * frames)
    found = []
    for _ in range(tables):
        person = np.repeat(rng.normal(size=2 * people), frames)
        logits = person + 0.5 * rng.normal(size=len(labels))
        found.append(auc(labels, 1 / (1 + np.exp(-logits))))
    return np.array(found)


def draw_evaluation() -> plt.Figure:
    """How often chance looks like skill when there are few people, however many frames."""
    figure, axes = plt.subplots(figsize=(6, 3.2))
    bins = np.linspace(0, 1, 41).tolist()
    for people in (3, 10, 100):
        found = chance_aucs(people)
        label = f"{people} people a class, {2 * people * 32} frames"
        axes.hist(found, bins, density=True, alpha=0.55, label=label)
    axes.axvline(0.5, color="black", lw=0.8)
    axes.set(xlabel="frame AUC of a detector that knows nothing", yticks=[])
    axes.legend(fontsize=8)
    return figure


def draw_report() -> plt.Figure:
    """What a scan says of a drawn film in which the face is pasted from second 2 on."""
    with tempfile.TemporaryDirectory() as folder:
        film, marked = Path(folder, "interview.mp4"), Path(folder, "marked.png")
        write_video((film_frame(number) for number in range(60)), film, "libx264", 18, Fraction(10))
        scanner = Scanner()
        verdict = scanner.scan(film)
        save_picture(verdict, marked)
        picture = plt.imread(marked)
    figure = plt.figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    left.imshow(picture)
    left.set_axis_off()
    left.set_title(f"{verdict.status}, score {verdict.score:.2f}: {verdict.path.name}", loc="left")
    zone = scanner.rule.zone()
    looks = [face for face in verdict.faces if face.score is not None]
    right.plot([f.time for f in looks], [f.score or 0.0 for f in looks], ".", alpha=0.5)
    right.plot([f.time for f in looks], [f.smoothed or 0.0 for f in looks])
    right.axhspan(zone.real_below, zone.fake_from, color="0.9")
    right.set(xlabel="seconds", ylabel="score", ylim=(0, 1))
    right.set_title(textwrap.fill(verdict.reason, 46), loc="left", fontsize=8)
    return figure


def film_frame(number: int) -> Picture:
    """A frame, (360, 480, 3), of a drawn face that moves; from the 20th on it is pasted."""
    face = portrait(320, seed=number)
    if number >= 20:
        face = blend_pair(face, np.random.default_rng(8), settings=VISIBLE).fake
    canvas = np.full((360, 480, 3), (90, 108, 124), np.uint8)
    shift = 80 + int(20 * np.sin(number / 8))
    canvas[20:340, shift : shift + 320] = face
    return canvas


FIGURES: dict[str, Callable[[], plt.Figure]] = {
    "report": draw_report,
    "space_frequency": draw_space_frequency,
    "noise": draw_noise,
    "bottleneck": draw_bottleneck,
    "blends": draw_blends,
    "evaluation": draw_evaluation,
}


if __name__ == "__main__":
    matplotlib.use("Agg")
    OUT.mkdir(exist_ok=True)
    for name in sys.argv[1:] or FIGURES:
        figure, drawn = FIGURES[name](), io.BytesIO()
        figure.savefig(drawn, dpi=100, bbox_inches="tight")
        Image.open(drawn).convert("RGB").quantize(256).save(OUT / f"{name}.png", optimize=True)
        plt.close(figure)
