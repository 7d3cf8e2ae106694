"""Truths from the blocks of a mixing measure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models import Expert, Gate, MixingMeasure, MixtureOfExperts, MixtureParams
from mixexp.theory.truths.truth import Truth

Array = NDArray[np.float64]


def make_truth(
    name: str,
    gate: Gate,
    expert: Expert,
    log_weight: ArrayLike,
    *,
    lower: float = -1.0,
    upper: float = 1.0,
    source: str = "this project",
    known: float | None = None,
    n_columns: int | None = None,
    **blocks: ArrayLike,
) -> Truth:
    """A truth from the blocks of its mixing measure, one row an atom.

    Parameters
    ----------
    name : str
    gate : Gate
    expert : Expert
    log_weight : array (K,)
        β0, or β0 / τ where there is a temperature.
    lower, upper, source, known
        As for :class:`Truth`.
    n_columns : int, optional
        Number of covariates; by default what the widths of the blocks say.
    **blocks : arrays (K, ...)
        ``gate_coef``, ``coef``, ``intercept``, ``variance``, ``gate_temperature``, as the model's.

    Raises
    ------
    ValueError
        If blocks are missing, superfluous or of a shape that is not the model's, or the model
        cannot have these values: a variance that is not positive, temperatures that differ.

    Examples
    --------
    >>> from mixexp.models import Gaussian, Softmax
    >>> truth = make_truth("mine", Softmax(), Gaussian(), [0.0, 0.0], gate_coef=[[1.0], [0.0]],
    ...                    intercept=[1.0, -1.0], coef=[[0.5], [0.0]], variance=[0.5, 1.0])
    >>> truth.model.n_experts
    2
    """
    atoms = {key: np.asarray(block, dtype=float) for key, block in blocks.items()}
    measure = MixingMeasure(np.exp(np.asarray(log_weight, dtype=float)), atoms)
    model = _model(gate, expert, measure, n_columns)
    return Truth(name, model, _params(model, measure), lower, upper, source, known)


def _model(
    gate: Gate, expert: Expert, measure: MixingMeasure, n_columns: int | None
) -> MixtureOfExperts:
    """The model whose measures have these blocks, in these shapes."""
    given = {key: block.shape[1:] for key, block in measure.atoms.items()}
    widest = max((block.shape[-1] for block in measure.atoms.values() if block.ndim > 1), default=1)
    tried = {}
    for n in (n_columns,) if n_columns else range(1, widest + 1):
        model = MixtureOfExperts(gate, expert, measure.n_atoms, n)
        zero = model.to_params(model.layout.coefficients(np.zeros(model.layout.n_free)))
        tried[n] = {key: block.shape[1:] for key, block in model.measure(zero).atoms.items()}
        if tried[n] == given:
            return model
    n, wanted = next(iter(tried.items()))
    raise ValueError(
        f"blocks have the shapes {_words(given)} an atom; {gate!r} with {expert!r} of {n} "
        f"covariate(s) needs {_words(wanted)}"
    )


def _words(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{key} {shape}" for key, shape in shapes.items())


def _params(model: MixtureOfExperts, measure: MixingMeasure) -> MixtureParams:
    """Parameters of a measure, if the model can have it."""
    for key in _shared(model):
        if np.ptp(measure[key], axis=0).max(initial=0.0) > 0.0:
            raise ValueError(
                f"{key}={measure[key].tolist()} differs between atoms, but {model.gate!r} and "
                f"{model.expert!r} have one value for all"
            )
    with np.errstate(invalid="ignore", divide="ignore"):
        params = model.from_measure(measure)
        free = model.layout.vector(model.coefficients(params))
    if not np.isfinite(free).all():
        names = model.layout.names([f"x{j}" for j in range(model.n_columns)])
        where = names[int(np.argmin(np.isfinite(free)))]
        raise ValueError(f"blocks give {where} no finite value; variances must be positive")
    return params


def _shared(model: MixtureOfExperts) -> list[str]:
    """Blocks that are the same for all atoms, whatever the parameters."""
    theta = np.random.default_rng(0).normal(size=model.layout.n_free)
    atoms = model.measure(model.to_params(model.layout.coefficients(theta))).atoms
    return [key for key, block in atoms.items() if not np.ptp(block, axis=0).max(initial=0.0)]
