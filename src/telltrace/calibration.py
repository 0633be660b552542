"""How a detector's logits become a probability, and from where on a verdict may be spoken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from telltrace.errors import OptionError
from telltrace.evaluation.calibration import margins
from telltrace.evaluation.thresholds import Sample, rate_of_each

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """For a single look at a face: a picture, or one frame.

    ``score = curve(sigmoid((fake logit - real logit) / temperature + bias))``, where the curve
    runs straight from knot to knot and is the identity without knots.
    """

    temperature: float = 1.0
    bias: float = 0.0
    real_below: float = 0.5
    """Scores below this are called real."""
    fake_from: float = 0.5
    """Scores from here on are called fake; between the two nothing is claimed."""
    fake_from_strict: float | None = None
    """The same where fewer false alarms are wanted; None for no other threshold."""
    reals: Sample | None = None
    """Margins of real validation pictures, for pictures of several people; see `fake`."""
    rates: tuple[float, float] = (0.03, 0.01)
    """Largest share of real pictures that the two thresholds call fake."""
    knots: tuple[tuple[float, float], ...] = ()
    """Points (sigmoid, score) of an isotonic curve, rising."""
    fitted_on: str = ""
    """What the curve and the thresholds were fitted on, and what is promised of them."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise OptionError(f"temperature must be positive, got {self.temperature}.")
        if not 0 <= self.real_below <= self.fake_from <= self.fake(strict=True) <= 1:
            raise OptionError(
                "Thresholds must satisfy 0 <= real_below <= fake_from <= fake_from_strict <= 1, "
                f"got {self.real_below}, {self.fake_from} and {self.fake_from_strict}."
            )
        columns = np.array(self.knots or [(0.0, 0.0), (1.0, 1.0)])
        if (np.diff(columns, axis=0) < 0).any() or columns.min() < 0 or columns.max() > 1:
            raise OptionError("knots must rise, from left to right, within [0, 1].")

    def fake(self, strict: bool = False, people: int = 1) -> float:
        """The score from which a face is called fake, in a picture of so many that are judged.

        Each gets its share of the rate; without ``reals`` the same is asked of every face.
        """
        found = self.fake_from_strict if strict else None
        alone = self.fake_from if found is None else found
        if self.reals is None or people == 1:
            return alone
        rate = rate_of_each(self.rates[strict], people)
        return max(alone, float(self.probability(self.reals.threshold(rate))))

    def margins(self, scores: ArrayLike) -> Floats:
        """Fake logit less real logit of scores, of any shape.

        Knots cannot be undone: the logits of the scores are then given, which are kept between
        1 and 99 %, since a curve through data reaches 0 and 1 where it knows little.
        """
        if self.knots:
            return margins(np.clip(np.asarray(scores, np.float64), 0.01, 0.99))
        return margins(scores, self.temperature, self.bias)

    def probability(self, margin: ArrayLike) -> Floats:
        """The score of such margins, of any shape."""
        m = np.asarray(margin, dtype=np.float64)
        return np.asarray(expit(m if self.knots else m / self.temperature + self.bias))


@dataclass(frozen=True, kw_only=True)
class VideoCalibration:
    """For a person through a video: the mean margin of all looks, and that of each second.

    Thresholds follow from ``reals`` and ``windows`` for any number of people and seconds. Both
    questions, whether a person is forged throughout or for a stretch, get half of the rate.
    """

    temperature: float = 1.0
    bias: float = 0.0
    real_below: float = 0.5
    """Real is said below it; above the threshold of forgery both become their middle."""
    reals: Sample
    """Mean margins of real validation videos."""
    windows: Sample | None = None
    """Mean margins of one second of them; None: stretches are not claimed."""
    within: float | None = None
    """Standard deviation of the windows of one video about their mean. None, as in older cards:
    they are taken for independent of each other, and thresholds are higher."""
    rates: tuple[float, float] = (0.05, 0.01)
    """Largest share of real videos that are called fake, and that with strict thresholds."""
    fitted_on: str = ""
    """What all this was fitted on, and what is promised."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise OptionError(f"temperature must be positive, got {self.temperature}.")
        if not 0 <= self.real_below <= 1:
            raise OptionError(f"real_below must lie in [0, 1], got {self.real_below}.")
        if not 0 < self.rates[1] <= self.rates[0] < 1:
            raise OptionError(f"rates must be in (0, 1), the strict one last, got {self.rates}.")
        if self.within is not None and not (self.windows and self.within >= 0):
            raise OptionError(f"within must be 0 or more and needs windows, got {self.within}.")
        for sample in (self.reals, self.windows or self.reals):
            if not (sample.size >= 2 and sample.sd >= 0 and np.isfinite(sample.mean)):
                raise OptionError(f"A sample needs two items and a deviation, got {sample}.")

    def probability(self, margin: ArrayLike) -> Floats:
        """The score of mean margins, of any shape."""
        return np.asarray(expit(np.asarray(margin, np.float64) / self.temperature + self.bias))

    def fake(self, strict: bool = False, people: int = 1, brief: bool = False) -> float:
        """The score from which one of so many people in a file is called forged throughout.

        The mean of the few looks at one seen for a ``brief`` time spreads as that of a window does.
        """
        rate = rate_of_each(self._share(strict), people)
        samples = [self.reals] + ([self.windows] if brief and self.windows else [])
        return float(self.probability(max(sample.threshold(rate) for sample in samples)))

    def stretch(
        self, windows: int, strict: bool = False, people: int = 1, times: float = 1.0
    ) -> float:
        """The score of its mean margin from which one of so many windows of a person is forged.

        ``people`` are judged in the file, at so many ``times`` the rate. Where nothing is known of
        windows it is an OptionError.
        """
        if self.windows is None:
            raise OptionError("Nothing is known of single seconds; calibrate on denser frames.")
        rate = rate_of_each(min(times * self._share(strict), 0.5), people)
        if self.within is None:
            margin = self.windows.threshold(rate_of_each(rate, max(windows, 1)))
        else:
            margin = self.windows.threshold_of_highest(rate, max(windows, 1), self.within)
        return float(self.probability(margin))

    def _share(self, strict: bool) -> float:
        """The rate of each question."""
        return rate_of_each(self.rates[strict], 1 if self.windows is None else 2)
