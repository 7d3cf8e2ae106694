"""The likelihood-ratio test of a nested model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from mixexp.estimation.pieces import pieces_of
from mixexp.inference.embedding import embed
from mixexp.inference.fitted import Fitted
from mixexp.inference.overspecification import Overspecification

# Nats by which a maximum may fall short of one inside it.
_SHORT = 1e-6


@dataclass(frozen=True)
class LikelihoodRatioTest:
    r"""The statistic :math:`2(\hat\ell-\hat\ell_0)` of a model against one nested in it.

    Attributes
    ----------
    statistic : float
        χ² with ``df`` degrees of freedom under the nested model.
    df : int
        Free parameters that the nested model lacks.
    pvalue : float
    """

    statistic: float
    df: int
    pvalue: float

    def __str__(self) -> str:
        return (
            f"likelihood-ratio test: chi2({self.df}) = {self.statistic:.4f}, p = {self.pvalue:.4g}"
        )


def likelihood_ratio_test(
    full: Fitted,
    nested: Fitted,
    over: tuple[Overspecification, Overspecification],
) -> LikelihoodRatioTest:
    """Test a model against one that lies inside it.

    Parameters
    ----------
    full, nested : Fitted
    over : pair of Overspecification
        Of the two.

    Raises
    ------
    ValueError
        If the data differ, the model is not nested in the other, or twice the difference of their
        log-likelihoods has no χ² law.
    """
    _same_experts(full, nested)
    _same_data(full, nested)
    df = full.n_free - nested.n_free
    if df <= 0:
        raise ValueError(
            f"nested has {nested.n_free} free parameters and this model {full.n_free}; call "
            "lr_test on the results of the larger model, with those of the smaller one"
        )
    for fitted, found, name in zip((full, nested), over, ("this model", "nested"), strict=True):
        _regular(fitted, found, name)
    if embed(nested, full) is None:
        raise ValueError(
            "nested is not nested in this model: its law is not among those of the model with the "
            "same names of parameters; compare the two by aic or bic"
        )
    gain = full.loglik - nested.loglik
    if gain < -_SHORT * (1.0 + abs(full.loglik)) ** 0.5:
        raise ValueError(
            f"this model's log-likelihood is {-gain:.4g} nats below that of nested, so its fit "
            "missed the maximum; raise n_init= or pass init="
        )
    statistic = 2.0 * max(gain, 0.0)
    return LikelihoodRatioTest(statistic, df, float(chi2.sf(statistic, df)))


def _same_experts(full: Fitted, nested: Fitted) -> None:
    k, other = full.model.n_experts, nested.model.n_experts
    if k != other:
        raise ValueError(
            f"nested has {other} experts and this model {k}: the likelihood ratio of numbers of "
            "experts is not chi-squared, as the smaller law is a singular point of the larger "
            "model; use test_n_experts(), a bootstrap test"
        )
    family, mine = type(nested.model.expert).__name__, type(full.model.expert).__name__
    if family != mine:
        raise ValueError(
            f"nested has {family} experts and this model {mine}; compare them by aic or bic"
        )


def _same_data(full: Fitted, nested: Fitted) -> None:
    remedy = "fit both to the same rows, in the same order"
    contents = [getattr(f, "content", None) for f in (full, nested)]
    if any(contents):
        if contents[0] != contents[1]:
            raise ValueError(f"nested was fitted to another source than this model; {remedy}")
        return
    if full.y.shape != nested.y.shape or not np.array_equal(full.y, nested.y):
        raise ValueError(f"nested was fitted to other responses than this model; {remedy}")
    ours, theirs = (
        np.ones(len(f.x)) if f.weight is None else f.weight for f in (full, nested)
    )  # fmt: skip
    if not np.array_equal(ours, theirs):
        raise ValueError(f"nested was fitted with other weights than this model; {remedy}")
    for name in set(full.columns) & set(nested.columns):
        mine, other = (f.x[:, f.columns.index(name)] for f in (full, nested))
        if not np.array_equal(mine, other):
            raise ValueError(
                f"the column {name!r} of nested has other values than that of this model; {remedy} "
                "and leave columns out by gate_features= and expert_features="
            )


def _regular(fitted: Fitted, over: Overspecification, name: str) -> None:
    """Refuse a fit whose likelihood ratio has no χ² law, with the reason."""
    certificate, penalty = fitted.certificate, fitted.objective.penalty
    pieces = pieces_of(fitted.objective)
    reasons = {
        "is not a certified optimum; raise max_iter= or n_init=": (
            certificate is None or not certificate.holds
        ),
        "has a ridge penalty; fit it with gate_penalty=None and expert_penalty=None": bool(
            penalty.matrix.any()
        ),
        "jumps where rows change their active experts; compare by aic or bic": (
            pieces is not None and pieces.jumps
        ),
    }
    if certificate is not None:
        bounds = ", ".join(certificate.active_bounds)
        reasons |= {
            "has a gate that separates, so its maximum lies at infinity; read the supremum of the "
            "likelihood by aic or bic": certificate.separation.found,
            f"lies on a bound in {bounds}; widen it with bounds=": bool(bounds),
            "has parameters that are not identified, so degrees of freedom are not their number; "
            "see certificate_.null_blocks": certificate.n_null > 0,
        }
    if over.found:
        reasons[f"may have an expert too many: {over.message}"] = True
    for reason, holds in reasons.items():
        if holds:
            raise ValueError(f"twice the log-likelihood ratio is not chi-squared: {name} {reason}")
