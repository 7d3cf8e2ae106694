"""What can be learned about the parameters of a model from data on a design."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.data import Data
from mixexp.estimation.identifiability.binding import bind, check_params
from mixexp.estimation.identifiability.design import thinned
from mixexp.estimation.identifiability.diagnosis import Diagnosis
from mixexp.estimation.identifiability.independence import independence
from mixexp.estimation.identifiability.information import POINTS, affordable, expected_information
from mixexp.estimation.identifiability.invariances import (
    INVARIANCES,
    Law,
    Points,
    Setting,
    Verified,
    n_distinct,
    verify,
)
from mixexp.estimation.identifiability.wording import (
    of_families,
    of_invariances,
    of_sparsity,
    of_the_rank,
)
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

# Rows at which densities are compared over a grid of responses, with the data's own responses, and
# at which families of functions are evaluated.
_GRID_ROWS, _DATA_ROWS, _FAMILY_ROWS = 48, 2000, 400
# Rows nearer to a boundary of a gate's regions, in parts of the size of a column, are on it.
_EDGE = 1e-9


def diagnose(
    model: MixtureOfExperts,
    params: MixtureParams,
    data: Array | tuple[Array, Array] | Data,
    k_true: int | None = None,
    *,
    known: Array | None = None,
    columns: list[str] | None = None,
) -> Diagnosis:
    r"""Which parameters a law :math:`p(y\mid x;\theta)` determines, in words and with the evidence.

    Three questions are asked: the rank of the expected information
    :math:`E\{\nabla\log p\,\nabla\log p^\top\}` on the design, and which parameters its null
    directions move; whether any of the known exact invariances holds here, each by making other
    parameters and comparing the two densities (a finding needs a difference below 1e-10); and
    whether the families of functions behind the published rates are linearly independent.

    Parameters
    ----------
    model : MixtureOfExperts
    params : MixtureParams
        A truth, or a fit; on the scale of x.
    data : array (n, n_columns), pair (x, y), or Data
        The design, with responses or without.
    k_true : int, optional
        Number of experts of the law to be estimated, at most ``model.n_experts``; by default the
        number of distinct ones in ``params``. With fewer than the model has, invariances of
        over-specified fits are looked for at the law whose nearest experts are made one.
    known : array (n,), optional
        Exposures or numbers of trials; by default those that come with
        the responses.
    columns : list of str, optional
        Names of the columns of x.

    Raises
    ------
    ValueError
        If ``k_true`` is not in 1..n_experts, x is not a finite (n, n_columns) array, a response is
        impossible for the experts, ``params`` are those of another model, or ``columns`` do not
        name every column.

    References
    ----------
    Rothenberg (1971), Identification in parametric models, Econometrica 39, for the rank; each
    finding names its own source.

    Examples
    --------
    A fit with four experts of a law with two:

    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=4, n_columns=1)
    >>> params = MixtureParams(
    ...     SoftmaxParams(np.zeros(4), np.array([[2.1], [1.9], [0.1], [0.0]])),
    ...     GaussianParams(
    ...         np.array([2.0, 2.1, -2.0, -2.1]), np.array([[2.0], [1.9], [-1.5], [-1.4]]),
    ...         np.full(4, 0.25),
    ...     ),
    ... )
    >>> x = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> found = diagnose(model, params, x, k_true=2)
    >>> found.identified, found.keys
    (False, ('common-factor', 'interaction'))
    >>> diagnose(model, params, x, k_true=4).identified
    True
    """
    x, y, weight, known = bind(model, data, known)
    check_params(model, params)
    k = model.n_experts
    if k_true is not None and not (isinstance(k_true, Integral) and 1 <= k_true <= k):
        raise ValueError(
            f"k_true={k_true!r} must be an integer in 1..n_experts={k}: the number of experts of "
            "the true law; leave it out to count the distinct ones"
        )
    # Where a fit takes an invariance out, what is left is diagnosed.
    gauge = replace(model, gate=model.gate.in_gauge())
    inside = model.to_params(model.coefficients(params))
    information = expected_information(gauge, inside, x, weight, known, columns)
    rows, _ = thinned(model, params, x, weight, None, _FAMILY_ROWS)
    families = independence(model, params, rows, columns)
    law = Law(model, params)
    n_true = int(k_true or n_distinct(law))
    verified = _verified(law, x, y, known, n_true)
    findings = [
        *of_the_rank(information, gauge, inside, rows),
        *of_invariances(verified, gauge),
        *of_sparsity(model, n_true),
        *of_families(families),
    ]
    order = {"not identified": 0, "weak": 1, "note": 2}
    findings.sort(key=lambda f: order[f.severity])
    return Diagnosis(tuple(findings), information, families)


def _verified(
    law: Law, x: Array, y: Array | None, known: Array | None, k_true: int
) -> list[Verified]:
    sure = _settled(law, x)
    at = None if known is None else known[sure]
    rows, _ = affordable(law.model, law.params, x[sure], None, at, _GRID_ROWS, POINTS / 2)
    design, on_design = rows[:, : x.shape[1]], None if known is None else rows[:, -1]
    some = sure[np.unique(np.linspace(0, len(sure) - 1, _DATA_ROWS).astype(int))]
    points = [] if y is None else [Points(x[some], y[some])]
    if _jumps(law.model):
        # Claims about boundaries can be wrong at a few rows: one response at every row tells.
        response = law.distribution(x[sure], at).sample(rng=np.random.default_rng(0))
        points.append(Points(x[sure], response if at is None else np.column_stack([response, at])))
    # Which experts are ever active is asked of all rows.
    setting = Setting(law, x, k_true)
    found = []
    for invariance in INVARIANCES:
        found += verify(invariance, setting, points, on_design, rows=design)
    return found


def _jumps(model: MixtureOfExperts) -> bool:
    pieces = model.gate.pieces(model.n_experts)
    return pieces is not None and pieces.jumps


def _settled(law: Law, x: Array) -> NDArray[np.intp]:
    """Rows whose active experts rounding cannot change; all of them if there are no such."""
    sure = np.ones(len(x), dtype=bool)
    if _jumps(law.model):
        active = law.model.weights(law.params, x) > 0.0
        for step in np.diag(_EDGE * np.abs(x).max(axis=0)):
            for near in (x - step, x + step):
                sure &= ((law.model.weights(law.params, near) > 0.0) == active).all(axis=1)
    return np.flatnonzero(sure) if sure.any() else np.arange(len(x))
