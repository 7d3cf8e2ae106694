"""What a loss asks of the measures and the exponents it is given, before any cell is formed."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from mixexp.models.measure import GATE_PREFIX, MixingMeasure
from mixexp.theory.voronoi.terms import checked_order

TEMPERATURE = "gate_temperature"
_ROUNDING = 1e-12
_LOSSES = "mixexp.theory.losses"
_HOME = {
    TEMPERATURE: f"for Gaussian experts use {_LOSSES}.temperature_gaussian (linear scores) or "
    f"{_LOSSES}.activation_gaussian (scores through an activation)"
}


def check_measure(
    name: str,
    measure: MixingMeasure,
    loss: str,
    blocks: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> None:
    """Refuse a measure that a loss of the given blocks cannot judge.

    A gate without a temperature shows only ``gate_coef``, so an activation gate passes for a
    softmax gate here: choose the loss by the model.

    Raises
    ------
    ValueError
        If a block is missing; if the gate has a block that the loss does not use, as two measures
        that differ in it alone would have distance zero; if a variance or a temperature is not
        positive; or if the temperature is not the same for all atoms.

    Examples
    --------
    >>> hot = MixingMeasure([1.0], {"gate_coef": [[0.0]], "gate_temperature": [1.0]})
    >>> check_measure("truth", hot, "d", ("gate_coef",), optional=("gate_temperature",))
    >>> check_measure("truth", hot, "d1", ("gate_coef", "intercept"))
    Traceback (most recent call last):
    ValueError: truth lacks the blocks ['intercept']; the loss needs ('gate_coef', 'intercept')
    """
    if missing := set(blocks) - set(measure.atoms):
        raise ValueError(f"{name} lacks the blocks {sorted(missing)}; the loss needs {blocks}")
    for block in measure.atoms:
        if block.startswith(GATE_PREFIX) and block not in (*blocks, *optional):
            other = f"no module of {_LOSSES} does: make a loss_table that names it in its blocks"
            raise ValueError(
                f"{name} has the block {block!r}, which the loss {loss} does not use; "
                f"{_HOME.get(block, other)}"
            )
    for block in ("variance", TEMPERATURE):
        if block in measure.atoms:
            _check_positive(name, block, measure[block])
    if TEMPERATURE in measure.atoms:
        tau = measure[TEMPERATURE]
        # Barycentres of atoms with one temperature differ in it by rounding.
        if np.ptp(tau) > _ROUNDING * np.max(tau):
            raise ValueError(
                f"{name} has {TEMPERATURE} {tau.tolist()}; the temperature is common to all "
                "atoms: give each the same value"
            )


def _check_positive(name: str, block: str, values: np.ndarray) -> None:
    if np.any(values <= 0):
        raise ValueError(
            f"{name} has {block} {values.tolist()}; give positive numbers, not their logarithms"
        )


def checked_exponents(r_bar: Mapping[int, float]) -> dict[int, float]:
    """Exponents by size of the cell, every one finite and 1 or more.

    Raises
    ------
    ValueError
        If ``r_bar`` is not a mapping, a size not a positive integer or an exponent below 1 or not
        finite.

    Examples
    --------
    >>> checked_exponents({2: 4})
    {2: 4.0}
    >>> checked_exponents({2: 0.5})
    Traceback (most recent call last):
    ValueError: r_bar[2] is 0.5; the loss needs a finite exponent of 1 or more
    """
    if not isinstance(r_bar, Mapping):
        raise ValueError(f"r_bar is {r_bar!r}; give exponents by size of cell, such as {{2: 4}}")
    for size in r_bar:
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"r_bar has the size {size!r}; a size is a positive integer")
    return {int(size): checked_order(r, f"r_bar[{size}]") for size, r in r_bar.items()}
