"""What believing a detector's odds of forgery costs, in bits, and how much of it is calibration.

A score is the probability of forgery where both classes are as likely, so that its odds are a
likelihood ratio: how much more often forged faces get such a score than real ones.
"""

from typing import Any, Final

import numpy as np

from .odds import expit, logit
from .ranking import Counts, Floats, Ranking

LEAST: Final = float(np.finfo(np.float64).eps)
"""How near to 0 and 1 a score may come before it is taken to be that near."""
NODES: Final = 32
"""Priors at which draws are integrated; see `minimal_cost`."""
THRESHOLDS: Final = 256
"""Thresholds that draws are minimised over."""


def log_ratios(scores: Floats) -> Floats:
    """Natural logarithms of the likelihood ratios that scores stand for, (T,)."""
    return logit(np.clip(scores, LEAST, 1 - LEAST))


def cost(ranking: Ranking) -> Any:
    """Cllr: mean of the costs of a real and of a fake item, in bits; saying nothing costs 1.

    References:
        Brümmer and du Preez, "Application-independent evaluation of speaker detection", Computer
        Speech & Language 2006.
    """
    ratios = log_ratios(ranking.scores)
    reals, fakes = ranking.totals
    of_real, of_fake = np.logaddexp(0, ratios), np.logaddexp(0, -ratios)
    return (of_real @ ranking.real / reals + of_fake @ ranking.fake / fakes) / (2 * np.log(2))


def minimal_cost(ranking: Ranking) -> Any:
    """Cllr after the best rising curve, found with the labels known: what ranking alone costs.

    Exact of one set, by pooling adjacent violators. Of draws it is the integral, over the prior p,
    of the lowest error of any threshold over p (1 - p), at 32 priors.

    References:
        As of `cost`.
    """
    if ranking.real.ndim > 1:
        return _minimal_of_draws(ranking)
    reals, fakes = (np.asarray(of, np.float64) for of in pooled_blocks(ranking))
    a, b = fakes / fakes.sum(), reals / reals.sum()
    entropy = sum(_times_log(x) for x in (a + b, -a, -b))
    return np.sum(entropy) / 2


def pooled_blocks(ranking: Ranking) -> tuple[Floats, Floats]:
    """Reals and fakes of each step of the rising curve that fits one set best, from the top."""
    parts = [_pool(piece.real, piece.fake) for piece in ranking.pieces()]
    reals, fakes = (np.concatenate(of) for of in zip(*parts, strict=True))
    return _pool(reals, fakes)


def cross_entropy(ratios: Floats, real: Floats, fake: Floats, prior: Floats) -> Floats:
    """Empirical cross-entropy in bits at log odds of forgery before any evidence, (P,).

    Log likelihood ratios, and how many reals and fakes have each, are (T,).

    References:
        Ramos et al., "Reliable support: measuring calibration of likelihood ratios", Forensic
        Science International 2013.
    """
    share, after = expit(prior), ratios[:, None] + prior
    of_real = real / real.sum() @ np.logaddexp(0, after)
    of_fake = fake / fake.sum() @ np.logaddexp(0, -after)
    return np.asarray((share * of_fake + (1 - share) * of_real) / np.log(2))


def _pool(real: Counts, fake: Counts) -> tuple[Floats, Floats]:
    from scipy.optimize import isotonic_regression  # here, because it takes long to import

    r, f = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    blocks = isotonic_regression(f / (r + f), weights=r + f, increasing=False).blocks[:-1]
    return np.add.reduceat(r, blocks), np.add.reduceat(f, blocks)


def _times_log(x: Floats) -> Floats:
    """Each number times its log2, 0 where it is 0."""
    return x * np.log2(np.abs(x), out=np.zeros_like(x), where=x != 0)


def _minimal_of_draws(ranking: Ranking) -> Floats:
    fpr, tpr = ranking.rates
    kept = np.unique(np.linspace(0, len(fpr) - 1, THRESHOLDS).astype(np.int64))
    fpr, miss = fpr[kept], 1 - tpr[kept]
    total = np.zeros(fpr.shape[1])
    for node, weight in zip(*np.polynomial.legendre.leggauss(NODES), strict=True):
        p = (node + 1) / 2
        total += weight / 2 * (p * miss + (1 - p) * fpr).min(axis=0) / (p * (1 - p))
    return total / (2 * np.log(2))
