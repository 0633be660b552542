"""How several losses become one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def automatic_weighting(losses: Tensor, spread: Tensor) -> Tensor:
    """Sum in which every loss is divided by a variance that is learned along with the network.

    Args:
        losses: The losses to add up.
        spread: Their learned standard deviations, of any sign but not 0.

    Shape:
        - losses, spread: (n,)
        - Output: a scalar

    References:
        Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018,
        eq. 7; with the positive penalty of Liebel and Körner, "Auxiliary Tasks in Multi-task
        Learning", 2018, eq. 1.

    Examples:
        >>> round(automatic_weighting(torch.tensor([2.0]), torch.tensor([1.0])).item(), 4)
        1.6931
    """
    variance = spread.square()
    return (losses / (2 * variance) + variance.log1p()).sum()


class AutomaticWeighting(nn.Module):
    """:func:`automatic_weighting` with the spreads it learns; all start at 1.

    Its parameters belong in the optimiser beside the network's.
    """

    def __init__(self, num_losses: int) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.ones(num_losses))

    def forward(self, losses: Sequence[Tensor]) -> Tensor:
        return automatic_weighting(torch.stack(list(losses)), self.spread)
