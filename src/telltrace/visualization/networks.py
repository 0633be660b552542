"""Pictures of what stands inside detectors, and of spectra."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .curves import COLOURS, new_figure

Maps = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def attention_figure(maps: Mapping[str, Maps], faces: Pixels, counts: Sequence[int]) -> Figure:
    """Maps averaged over the first of the faces, each row over more of them.

    Args:
        maps: By detector, (N, S, S) in [0, 1]; S may differ.
        faces: (N, H, W, 3) RGB, the faces of the maps; their average stands at the left.
        counts: How many faces each row averages, at most N.
    """
    averages = [faces[:count].mean(0).astype(np.uint8) for count in counts]
    columns = {name: [each[:count].mean(0) for count in counts] for name, each in maps.items()}
    return _grid({"average face": averages, **columns}, [f"{count} fakes" for count in counts])


def inner_figure(maps: Mapping[str, Maps], faces: Sequence[Pixels], names: Sequence[str]) -> Figure:
    """A face a row, (H, W, 3) RGB with its name, and a column for each kind of map, (N, h, w)."""
    return _grid({"face": faces, **{name: list(each) for name, each in maps.items()}}, names)


def scatter_figure(places: Maps, kinds: Sequence[str], labels: Sequence[int]) -> Figure:
    """Faces at their places (N, 2): a colour a kind, circles real and crosses forged."""
    figure, [[axes]] = new_figure(8, 6)
    shapes, found = {0: "o", 1: "x"}, np.array(kinds)
    for kind, colour in zip(dict.fromkeys(kinds), cycle(COLOURS), strict=False):
        at = np.flatnonzero(found == kind)
        options: dict[str, Any] = {"marker": shapes[labels[at[0]]], "s": 18, "color": colour}
        axes.scatter(*places[at].T, label=f"{kind} ({len(at)})", **options)
    axes.set(xticks=[], yticks=[], title="features of the last layer, t-SNE")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def spectra_figure(spectra: Mapping[str, NDArray[np.float32]]) -> Figure:
    """Azimuthal averages of power, by name (N, bins): their mean, and 95 % of its interval."""
    figure, [[axes]] = new_figure(8, 5)
    for (name, found), colour in zip(spectra.items(), cycle(COLOURS), strict=False):
        frequency = np.linspace(0, 0.5, found.shape[1])
        mean, error = found.mean(0), 1.96 * found.std(0) / np.sqrt(len(found))
        axes.plot(frequency, mean, color=colour, label=f"{name} ({len(found)})")
        axes.fill_between(frequency, mean - error, mean + error, color=colour, alpha=0.2, lw=0)
    axes.set(xlabel="cycles a pixel", ylabel="log power", title="azimuthal average of the spectrum")
    axes.legend(frameon=False)
    return figure


def _grid(columns: Mapping[str, Sequence[NDArray[Any]]], names: Sequence[str]) -> Figure:
    """Pictures side by side: a named column each, a named row each."""
    figure, grid = new_figure(2.2 * len(columns), 2.3 * len(names), len(names), len(columns))
    for place, (title, pictures) in enumerate(columns.items()):
        grid[0][place].set_title(title, fontsize=9)
        for axes, picture in zip(grid[:, place], pictures, strict=True):
            axes.imshow(picture, cmap="jet")
    for axes, name in zip(grid[:, 0], names, strict=True):
        axes.set_ylabel(name, fontsize=8)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        axes.spines[:].set_visible(False)
    return figure
