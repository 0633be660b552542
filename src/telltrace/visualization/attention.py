"""Average forgery attention maps, one column a detector, as in Figure 5 of Guo et al."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .curves import new_figure


def attention_figure(
    maps: Mapping[str, NDArray[np.float32]], faces: NDArray[np.uint8], counts: Sequence[int]
) -> Figure:
    """Maps averaged over the first of the faces, each row over more of them.

    Args:
        maps: By detector, (N, S, S) in [0, 1]; S may differ.
        faces: (N, H, W, 3) RGB, the faces of the maps; their average stands at the left.
        counts: How many faces each row averages, at most N.
    """
    figure, grid = new_figure(2.2 * (len(maps) + 1), 2.3 * len(counts), len(counts), len(maps) + 1)
    for row, count in zip(grid, counts, strict=True):
        row[0].imshow(faces[:count].mean(0).astype(np.uint8))
        row[0].set_ylabel(f"{count} fakes")
        for axes, each in zip(row[1:], maps.values(), strict=True):
            axes.imshow(each[:count].mean(0), cmap="jet")
    for axes, title in zip(grid[0], ["average face", *maps], strict=True):
        axes.set_title(title, fontsize=9)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        axes.spines[:].set_visible(False)
    return figure
