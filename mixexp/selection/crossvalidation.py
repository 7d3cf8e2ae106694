"""Cross-validated log-likelihood: the mean log density of rows a fit has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.selection.selector_rows import Rows

Array = NDArray[np.float64]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


class HeldOut(NamedTuple):
    """Mean held-out log density per row and its standard error, nats, and what to note."""

    mean: float
    standard_error: float
    note: str | None = None


def folds(cv: Any, rows: Rows, stratify: bool, seed: int) -> list[Fold]:
    """Pairs of positions (to fit, to hold out).

    Parameters
    ----------
    cv : int, splitter or iterable of pairs
        A number of folds shuffles the rows first: data often come sorted.
    rows : Rows
    stratify : bool
        Whether a number of folds keeps the shares of the classes.
    seed : int
        Of the shuffle.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or more than rows.

    Examples
    --------
    >>> rows = Rows(np.arange(6.0)[:, None], np.arange(6.0))
    >>> [len(held_out) for _, held_out in folds(3, rows, stratify=False, seed=0)]
    [2, 2, 2]
    """
    if isinstance(cv, bool) or (isinstance(cv, int | np.integer) and cv < 2):
        raise ValueError(f"cv={cv!r} holds no rows out; use at least 2 folds")
    from sklearn.model_selection import KFold, StratifiedKFold, check_cv

    if isinstance(cv, int | np.integer):
        kind = StratifiedKFold if stratify else KFold
        splitter = kind(int(cv), shuffle=True, random_state=seed)
    else:
        splitter = check_cv(cv, rows.y, classifier=stratify)
    return [(np.asarray(fit), np.asarray(out)) for fit, out in splitter.split(rows.X, rows.y)]


def held_out_loglik(estimator: Any, rows: Rows) -> Array | str:
    """log p(y_i | x_i) of rows under a fitted estimator, shape (n,); or what was raised."""
    try:
        known = rows.known_to(estimator.score_samples)
        return np.asarray(estimator.score_samples(rows.X, rows.y, **known), dtype=float)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def pooled(values: Mapping[int, Any], held_out: Sequence[Rows], uncertified: int = 0) -> HeldOut:
    r"""Weighted mean of held-out log densities :math:`\ell_i` of all folds, with standard error.

    .. math:: \bar\ell=\frac{\sum_i w_i\ell_i}{\sum_i w_i},\qquad
        \mathrm{se}=\frac{\sqrt{\tfrac{n}{n-1}\sum_i w_i^2(\ell_i-\bar\ell)^2}}{\sum_i w_i}.

    Rows are taken as independent given the fits; that folds share rows of their fits is not in the
    standard error, which is therefore somewhat too small.

    Parameters
    ----------
    values : mapping of int to array or str
        Log densities of each fold, or what went wrong there.
    held_out : sequence of Rows
        The rows of each fold.
    uncertified : int
        How many of the fits are not certified, or irregular, to be noted.

    Returns
    -------
    HeldOut
        NaN if a fold failed, -inf if a row is impossible under a fit.

    Examples
    --------
    >>> rows = [Rows(np.zeros((2, 1)), np.zeros(2))] * 2
    >>> result = pooled({0: np.array([-1.0, -2.0]), 1: np.array([-2.0, -3.0])}, rows)
    >>> result.mean, round(result.standard_error, 4)
    (-2.0, 0.4082)
    """
    failed = {fold: values.get(fold, "not fitted") for fold in range(len(held_out))}
    failed = {f: v for f, v in failed.items() if v is None or isinstance(v, str)}
    if failed:
        fold, error = next(iter(failed.items()))
        text = f"{len(failed)} of {len(held_out)} folds failed; fold {fold}: {error}"
        return HeldOut(np.nan, np.nan, text)
    each = np.concatenate([values[fold] for fold in range(len(held_out))])
    weight = np.concatenate([np.ones(len(r)) if r.weight is None else r.weight for r in held_out])
    each, weight = each[weight > 0.0], weight[weight > 0.0]
    if not np.isfinite(each).all():
        text = f"the held-out log density of {int((~np.isfinite(each)).sum())} rows is not finite"
        return HeldOut(np.nan if np.isnan(each).any() else -np.inf, np.nan, text)
    total, n = weight.sum(), len(each)
    mean = float(weight @ each / total)
    spread = np.sqrt(n / max(n - 1, 1) * float(weight**2 @ (each - mean) ** 2))
    note = (
        f"{uncertified} of {len(held_out)} fits are not certified, or have a scale on its floor"
        if uncertified
        else None
    )
    return HeldOut(mean, float(spread / total), note)
