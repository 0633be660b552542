"""Log odds and probabilities, as scipy has them, of which importing takes half a second."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def expit(odds: ArrayLike) -> NDArray[np.float64]:
    """The probability that has these log odds.

    Examples:
        >>> expit([0.0, -np.inf, 1000.0]).tolist()
        [0.5, 0.0, 1.0]
    """
    x = np.asarray(odds, np.float64)
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, small, 1.0) / (1.0 + small))


def logit(probability: ArrayLike) -> NDArray[np.float64]:
    """The log odds of a probability in (0, 1).

    Examples:
        >>> float(logit(0.5))
        0.0
    """
    p = np.asarray(probability, np.float64)
    return np.asarray(np.log(p) - np.log1p(-p))
