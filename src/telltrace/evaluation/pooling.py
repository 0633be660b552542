"""How the authors of published detectors make one score of the frames of a video."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

FrameRule = Literal["logits", "mean", "confident"]
"""Mean of the logits, mean of the probabilities, or `confident`."""


def confident(scores: ArrayLike) -> float:
    """The mean of the frames that are sure, if enough are: the rule that won the DFDC.

    Sure of fake are scores above 0.8, if they are more than 11 and than two fifths of all; sure of
    real those below 0.2, if they are more than nine tenths. Without either all count. (N,), N >= 1.

    References:
        Seferbekov, DFDC challenge 2020, https://github.com/selimsef/dfdc_deepfake_challenge.

    Examples:
        >>> confident([0.9] * 12 + [0.1] * 4), confident([0.9] * 11 + [0.1] * 5)
        (0.9, 0.65)
    """
    s = np.asarray(scores, dtype=np.float64)
    fake, real = s[s > 0.8], s[s < 0.2]
    if len(fake) > len(s) // 2.5 and len(fake) > 11:
        return float(fake.mean())
    return float(real.mean() if len(real) > 0.9 * len(s) else s.mean())
