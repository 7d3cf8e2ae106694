r"""Divergences by simulation: for responses of any dimension, from densities and samplers.

Half of the sample is drawn from p and half from q, and every divergence is a mean under
:math:`m=\tfrac12(p+q)`:

.. math:: h^2=\tfrac12E_m\frac{(\sqrt p-\sqrt q)^2}m,\quad V=\tfrac12E_m\frac{|p-q|}m,\quad
          KL=E_m\frac pm\,\varphi\Big(\log\frac pq\Big),\quad\varphi(t)=t-1+e^{-t}\ge0.

The first two integrands are at most 1, however the laws lie to each other, the Jensen one is
bounded too, and all of them vanish where p = q: the relative error does not grow when laws are
close.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.measure import MixingMeasure
from mixexp.theory.divergences.checks import check_rho, checked_design, distributions, known_to
from mixexp.theory.divergences.integrands import TOTAL_VARIATION, compare, scaled_integrands
from mixexp.theory.divergences.law import Law, law_of
from mixexp.theory.divergences.summary import Divergence, summarise
from mixexp.theory.truths.truth import Design, Truth

Array = NDArray[np.float64]

LogDensityOfSample = Callable[[Any], Array]
"""log p at every member of a sample, shape (n,)."""
Sampler = Callable[[int, np.random.Generator], Any]
"""n independent draws, in whatever form the log-densities read."""


def sampled_divergence(
    log_p: LogDensityOfSample,
    log_q: LogDensityOfSample,
    sample_p: Sampler,
    sample_q: Sampler,
    n: int,
    rng: np.random.Generator,
    *,
    rho: float = 0.5,
) -> Divergence:
    r"""Divergences between two laws of any dimension, joint laws of (X, Y) included.

    Parameters
    ----------
    log_p, log_q : callable
        Log-densities of a sample, shape (n,); -inf is allowed. They must be normalised.
    sample_p, sample_q : callable
        Samplers ``sample(n, rng)``.
    n : int
        Number of draws in all, at least 4: half of them from each law.
    rng : numpy.random.Generator
    rho : float, default=0.5
        As in :func:`divergence`.

    Returns
    -------
    Divergence
        ``error`` holds standard errors; that of h comes from that of its square by the delta
        method. The bias of h is of order 1/n. There is one point, so ``hellinger`` and
        ``root_mean_square_hellinger`` agree.

    Raises
    ------
    ValueError
        If n is too small, rho is not between 0 and 1, or a log-density is NaN or of another shape.

    Examples
    --------
    Two normal laws on the plane, h² = 1 - exp(-1/8):

    >>> def normal(mean):
    ...     return (lambda z: -0.5 * ((z - mean) ** 2).sum(axis=1) - np.log(2 * np.pi),
    ...             lambda n, rng: mean + rng.normal(size=(n, 2)))
    >>> (log_p, sample_p), (log_q, sample_q) = normal(np.zeros(2)), normal(np.array([0.6, 0.8]))
    >>> found = sampled_divergence(
    ...     log_p, log_q, sample_p, sample_q, 40_000, np.random.default_rng(0))
    >>> bool(abs(found.hellinger - np.sqrt(1 - np.exp(-1 / 8))) < 3 * found.error.hellinger < 0.01)
    True
    """
    check_rho(rho)
    _check_number(n, 4, "two of each law")
    strata = []
    for sampler, size in ((sample_p, n - n // 2), (sample_q, n // 2)):
        sample = sampler(size, rng)
        logs = [np.asarray(log(sample), dtype=float) for log in (log_p, log_q)]
        for name, values in zip(("log_p", "log_q"), logs, strict=True):
            if values.shape != (size,):
                raise ValueError(
                    f"{name} gave shape {values.shape} for {size} draws; give one number a draw"
                )
        strata.append(_weighted(logs[0][:, None], logs[1][:, None], rho))
    return summarise(*_estimate(strata), np.ones(1), rho, independent=True)


def sampled_conditional(
    p: Law | Truth | MixingMeasure,
    q: Law | Truth | MixingMeasure,
    design: Design,
    n: int,
    rng: np.random.Generator,
    *,
    rho: float = 0.5,
    known: ArrayLike | None = None,
) -> Divergence:
    r"""Divergences between two conditional laws over a design, by simulation at every point.

    Parameters
    ----------
    p, q, design, rho, known
        As in :func:`divergence`.
    n : int
        Number of responses drawn at every point, at least 4: half of them from each law.
    rng : numpy.random.Generator

    Returns
    -------
    Divergence
        ``error`` holds standard errors, given the design. The distance h at a point has a bias of
        order 1 / n, a root being taken, that does not average out over points: with few draws a
        point use ``root_mean_square_hellinger``, whose root is taken once.

    Raises
    ------
    ValueError
        As :func:`divergence`, or if n is too small.

    Examples
    --------
    >>> from mixexp.theory.divergences.divergence import divergence
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> p, q, design = TRUTHS["balanced"], TRUTHS["overlapping"], TRUTHS["balanced"].design(8)
    >>> found = sampled_conditional(p, q, design, 2000, np.random.default_rng(0))
    >>> bool(abs(found.kl - divergence(p, q, design).kl) < 3 * found.error.kl < 0.1)
    True
    """
    check_rho(rho)
    _check_number(n, 4, "two of each law at every point")
    x, weight = checked_design(design)
    pair = law_of(p, x.shape[1]), law_of(q, x.shape[1])
    laws, _ = distributions(pair, x, known_to(p, q, known))
    strata = []
    for law, size in zip(laws, (n - n // 2, n // 2), strict=True):
        y = law.sample(size, rng)
        strata.append(_weighted(laws[0].logpdf(y), laws[1].logpdf(y), rho))
    return summarise(*_estimate(strata), weight, rho, independent=True)


def _check_number(n: int, least: int, reason: str) -> None:
    if n < least:
        raise ValueError(f"n={n!r} is too small; draw at least {least}, {reason}")


def _weighted(log_p: Array, log_q: Array, rho: float) -> Array:
    """The integrands divided by the density of m at a sample: (4, n, rows)."""
    _, difference = compare(log_p, log_q)
    terms = scaled_integrands(difference, rho)
    terms[TOTAL_VARIATION] = np.abs(terms[TOTAL_VARIATION])
    # In units of the larger density, m is half of one and the smaller one.
    return terms / (0.5 * (1.0 + np.exp(-np.abs(difference))))


def _estimate(strata: list[Array]) -> tuple[Array, Array]:
    """Means over both strata and their standard errors, both (4, rows)."""
    value = 0.5 * sum(np.mean(part, axis=1) for part in strata)
    # An infinite mean has no standard error; inf says that nothing is known about it.
    finite = [np.where(np.isfinite(part), part, 0.0) for part in strata]
    variance = sum(0.25 * np.var(part, axis=1, ddof=1) / part.shape[1] for part in finite)
    return value, np.where(np.isfinite(value), np.sqrt(variance), np.inf)
