"""Hypothesis strategies for true measures and fits near them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mixexp.models.measure import MixingMeasure

LATTICE = st.integers(-8, 8)


def array(draw: st.DrawFn, shape: tuple[int, ...], values: st.SearchStrategy[int]) -> np.ndarray:
    size = int(np.prod(shape))
    drawn = draw(st.lists(values, min_size=size, max_size=size))
    return np.array(drawn, dtype=float).reshape(shape)


@st.composite
def truths(draw: st.DrawFn, min_atoms: int = 1, max_atoms: int = 3) -> MixingMeasure:
    """Measures with experts at least 7 apart; gate slopes on a lattice, so they may coincide."""
    k, d = draw(st.integers(min_atoms, max_atoms)), draw(st.integers(1, 2))
    return MixingMeasure(
        array(draw, (k,), st.integers(1, 9)),
        {
            "gate_coef": array(draw, (k, d), LATTICE) / 4,
            "coef": array(draw, (k, d), LATTICE) / 4,
            "intercept": 8.0 * np.arange(k) + array(draw, (k,), st.integers(-2, 2)) / 4,
            "variance": 1.0 + array(draw, (k,), st.integers(0, 8)) / 8,
        },
    )


@st.composite
def fits(draw: st.DrawFn, truth: MixingMeasure, extra: int = 2) -> MixingMeasure:
    """Atoms near those of the truth, on a lattice: cells of every size, empty ones included."""
    k = truth.n_atoms + draw(st.integers(0, extra))
    label = draw(st.lists(st.integers(0, truth.n_atoms - 1), min_size=k, max_size=k))
    near = truth.take(label)
    step = {
        name: array(draw, block.shape, st.integers(-3, 3)) / 4
        for name, block in near.atoms.items()
        if name != "gate_temperature"
    }
    if "gate_temperature" in near.atoms:
        # Common to all atoms and positive; true ones are 1/2 or more.
        step["gate_temperature"] = np.full(k, draw(st.integers(-1, 3)) / 4)
    return MixingMeasure(
        array(draw, (k,), st.integers(1, 9)),
        {name: block + step[name] for name, block in near.atoms.items()},
    )


@st.composite
def pairs(draw: st.DrawFn, min_atoms: int = 1) -> tuple[MixingMeasure, MixingMeasure]:
    """A fit and its truth."""
    truth = draw(truths(min_atoms))
    return draw(fits(truth)), truth


@st.composite
def equivalent(draw: st.DrawFn, measure: MixingMeasure, translations: bool = True) -> MixingMeasure:
    """The measure with an atom split, the atoms relabelled and the gate translated."""
    share = draw(st.sampled_from([0.25, 0.5, 0.125]))
    split = measure.split(draw(st.integers(0, measure.n_atoms - 1)), [share, 1 - share])
    order = draw(st.permutations(range(split.n_atoms)))
    slope = array(draw, split["gate_coef"].shape[1:], LATTICE) * (0.7 if translations else 0.0)
    return split.take(order).translate(draw(st.floats(-3, 3)), slope)


@st.composite
def truths_with_temperature(draw: st.DrawFn, min_atoms: int = 1) -> MixingMeasure:
    """As :func:`truths`, with one temperature for all atoms."""
    truth = draw(truths(min_atoms))
    tau = np.full(truth.n_atoms, draw(st.sampled_from([0.5, 1.0, 2.0])))
    return MixingMeasure(truth.weight, {**truth.atoms, "gate_temperature": tau})


@st.composite
def multinomial_truths(draw: st.DrawFn, min_atoms: int = 1) -> MixingMeasure:
    """Three classes, experts at least 7 apart, some of them constant in x."""
    k, d = draw(st.integers(min_atoms, 3)), draw(st.integers(1, 2))
    constant = array(draw, (k, 1, 1), st.integers(0, 1))
    apart = 8.0 * np.arange(k)[:, None] * [1.0, 0.0, 0.0]
    return MixingMeasure(
        array(draw, (k,), st.integers(1, 9)),
        {
            "gate_coef": array(draw, (k, d), LATTICE) / 4,
            "intercept": apart + array(draw, (k, 3), st.integers(-2, 2)) / 4,
            "coef": constant * array(draw, (k, 3, d), LATTICE) / 4,
        },
    )
