"""Data sets drawn anew: from the rows of a fit, or from the law that was fitted to them."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.inference.fitted import Fitted
from mixexp.inference.groups import as_groups
from mixexp.models.basis import Affine
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]


class Sample(NamedTuple):
    """Rows x (n, n_columns), encoded responses (n_responses, n), and weights (n,) or None."""

    x: Array
    response: Array
    weight: Array | None


def user_model(fitted: Fitted) -> MixtureOfExperts:
    """The model of a fit, on the user's scale."""
    return replace(fitted.model, affine=None)


def are_counts(weight: Array | None) -> bool:
    """Whether weights are whole numbers, and rows can be written as often as they say."""
    return weight is not None and bool(np.all(weight == np.round(weight)))


class CaseSampler:
    r"""The bootstrap of cases: observations drawn with replacement, as weights of the same rows.

    Row i gets the weight of its n draws, :math:`w_i^*=w_iN_i` with N multinomial (n; 1/n, ..., 1/n)
    over the rows, or over groups of rows, which are drawn whole. Frequencies, that is whole weights
    without groups, stand for that many observations: :math:`w^*` is multinomial
    (:math:`\sum w`; :math:`w_i/\sum w`), as if every observation had a row of its own.

    Parameters
    ----------
    fitted : Fitted
    groups : array (n,), optional
        Labels of what is drawn whole.
    frequency : bool
        Whether whole weights are frequencies.

    Raises
    ------
    ValueError
        If ``groups`` has not a label for each row of the fit, or one label only.
    """

    def __init__(
        self, fitted: Fitted, groups: ArrayLike | None = None, *, frequency: bool = True
    ) -> None:
        self._x, self._weight = fitted.x, fitted.weight
        self._response = fitted.model.expert.encode(fitted.y)
        n = len(fitted.x)
        self._frequency = frequency and groups is None and are_counts(fitted.weight)
        units = as_groups(groups, n)
        self._units: NDArray[np.intp] = np.arange(n) if units is None else units

    def draw(self, rng: np.random.Generator) -> Sample:
        """One data set, without the rows that were not drawn."""
        if self._frequency:
            assert self._weight is not None
            total = float(self._weight.sum())
            weight = rng.multinomial(round(total), self._weight / total).astype(float)
        else:
            n_units = int(self._units.max()) + 1
            counts = rng.multinomial(n_units, np.full(n_units, 1.0 / n_units))
            weight = counts[self._units].astype(float)
            if self._weight is not None:
                weight *= self._weight
        used = weight > 0.0
        return Sample(self._x[used], self._response[:, used], weight[used])


class LawSampler:
    """The parametric bootstrap: a response for every row from the fitted law, x as it is.

    What is known beside x (exposures, numbers of trials) is kept. A row whose weight is a frequency
    w is written w times first; another weight is kept by its one new response.

    Parameters
    ----------
    fitted : Fitted
    frequency : bool
        Whether whole weights are frequencies.
    """

    def __init__(self, fitted: Fitted, *, frequency: bool = True) -> None:
        data, model = fitted.objective.in_memory, fitted.model
        known = model.expert.known(model.expert.encode(fitted.y))
        self._weight = fitted.weight
        repeats: NDArray[np.intp] = np.arange(len(fitted.x))
        if frequency and are_counts(fitted.weight):
            assert fitted.weight is not None
            repeats, self._weight = np.repeat(repeats, fitted.weight.astype(int)), None
        self._model, self._params = _on_standardised_columns(fitted)
        self._z, self._x = data.z.T[repeats], fitted.x[repeats]
        self._known = None if known is None else known[repeats]
        # The response of a count comes with what is known of its row where the user gave that.
        self._with_known = known is not None and fitted.y.ndim == 2

    def draw(self, rng: np.random.Generator) -> Sample:
        """One data set."""
        y = self._model.sample(self._params, self._z, rng, self._known)
        if self._known is not None and self._with_known:
            y = np.column_stack([y, self._known])
        return Sample(self._x, self._model.expert.encode(y), self._weight)


def _on_standardised_columns(fitted: Fitted) -> tuple[MixtureOfExperts, MixtureParams]:
    """The law of responses on the user's scale given standardised columns.

    Far from the origin, powers of the user's columns cancel.
    """
    model, affine = fitted.model, fitted.objective.data.affine
    d = model.n_columns
    response = Affine(np.zeros(d), np.ones(d), affine.y_center, affine.y_scale)
    coefficients = model.rescale(model.layout.coefficients(fitted.theta), response)
    return model, model.to_params(coefficients)


def check_count(n_boot: object) -> None:
    """Refuse a number of data sets that is no integer.

    Raises
    ------
    TypeError
    """
    if not isinstance(n_boot, Integral):
        raise TypeError(f"n_boot={n_boot!r} is not an integer; use 200 for instance")


def seed_sequences(random_state: object, number: int) -> list[np.random.SeedSequence]:
    """So many independent seeds that depend on a random state only, not on who uses them when.

    Parameters
    ----------
    random_state : None, int, numpy Generator or RandomState
    number : int
    """
    if isinstance(random_state, np.random.Generator):
        entropy = int(random_state.integers(2**31 - 1))
    else:
        from sklearn.utils import check_random_state

        entropy = int(check_random_state(random_state).randint(2**31 - 1))
    return np.random.SeedSequence(entropy).spawn(number)
