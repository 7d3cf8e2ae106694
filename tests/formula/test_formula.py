"""Formulas as designs: what is learned once, what new data become, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mixexp.formula import Formula
from mixexp.formula.frames import as_frame
from mixexp.formula.parsing import parse, variables


def frame(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Numbers, words, whole numbers, truth values and a name with a space, at odd labels."""
    rng = np.random.default_rng(seed)
    columns = {
        "y": rng.normal(size=n),
        "size": rng.uniform(1.0, 3.0, size=n),
        "z": rng.random(n),
        "soil": rng.choice(["clay", "loam", "sand"], n),
        "block": rng.integers(1, 4, n),
        "wet": rng.random(n) > 0.5,
        "leaf area": rng.random(n),
        "C": rng.random(n),
    }
    return pd.DataFrame(columns, index=np.arange(n) + 100)


DATA = frame()


def test_both_parts_and_where_their_columns_are():
    formula = Formula.learn("y ~ size + z | z + wet", DATA)
    assert formula.responses == ("y",)
    assert formula.expert_columns == ("size", "z")
    assert formula.gate_columns == ("z", "wet")
    assert formula.columns == ("size", "z", "wet")
    assert formula.positions == ((1, 2), (0, 1))
    design = formula.design(DATA)
    assert design.index.equals(DATA.index)
    np.testing.assert_array_equal(design, DATA[["size", "z", "wet"]].astype(float))
    assert repr(formula) == "Formula('y ~ size + z | z + wet')"


@pytest.mark.parametrize(
    ("text", "experts", "gate"),
    [
        ("y ~ size", ("size",), ("size",)),
        ("y ~ size | 1", ("size",), ()),
        ("y ~ size | 0", ("size",), ()),
        ("y ~ 1 | size", (), ("size",)),
        ("y ~ 1", (), ()),
        ("y ~ soil | C", ("soil[T.loam]", "soil[T.sand]"), ("C",)),
        ("y ~ C(block) | 1", ("C(block)[T.2]", "C(block)[T.3]"), ()),
        ("y ~ wet:size | 1", ("wet:size",), ()),
        ("y ~ `leaf area` + I(z**2) | 1", ("leaf area", "I(z ** 2)"), ()),
        ("y ~ log(`leaf area`) | log(C)", ("log(`leaf area`)",), ("log(C)",)),
        ("y ~ C(soil, Treatment('sand')) | 1", None, ()),
        ("y ~ np.log(size) | 1", ("np.log(size)",), ()),
    ],
)
def test_designs(text, experts, gate):
    formula = Formula.learn(text, DATA)
    if experts is not None:
        assert formula.expert_columns == experts
    assert formula.gate_columns == gate
    assert formula.design(DATA).shape == (60, len(formula.columns))


def test_a_column_may_be_called_as_a_function_is():
    # The compression ratio of the ethanol data is called C, as the function for categories is.
    np.testing.assert_array_equal(Formula.learn("y ~ C", DATA).design(DATA)["C"], DATA["C"])
    assert Formula.learn("y ~ C(soil)", DATA).columns == ("C(soil)[T.loam]", "C(soil)[T.sand]")
    with pytest.raises(ValueError, match=r"a column is called as a function is: rename it"):
        Formula.learn("y ~ C + C(soil)", DATA)


def test_interactions_are_products_of_their_columns():
    design = Formula.learn("y ~ size * soil", DATA).design(DATA)
    sand = (DATA["soil"] == "sand").to_numpy(dtype=float)
    np.testing.assert_array_equal(design["size:soil[T.sand]"], sand * DATA["size"])
    assert design.shape[1] == 5


@pytest.mark.parametrize(
    "term", ["poly(z, 3)", "bs(z, df=5)", "cs(z, df=4)", "scale(z)", "center(z)", "cc(z, df=4)"]
)
def test_what_was_learned_is_applied_to_new_data(term):
    formula = Formula.learn(f"y ~ {term} | soil", DATA)
    whole = formula.design(DATA)
    part = DATA.iloc[[3, 20, 7]]
    np.testing.assert_array_equal(formula.design(part), whole.iloc[[3, 20, 7]])
    assert not np.allclose(Formula.learn(f"y ~ {term}", part.assign(y=0.0)).design(part).iloc[:, 0],
                           whole.iloc[[3, 20, 7], 0])  # fmt: skip


def test_poly_spans_the_powers():
    columns = Formula.learn("y ~ poly(z, 2)", DATA).design(DATA).to_numpy()
    powers = np.column_stack([np.ones(60), DATA["z"], DATA["z"] ** 2])
    residual = columns - powers @ np.linalg.lstsq(powers, columns, rcond=None)[0]
    np.testing.assert_allclose(residual, 0.0, atol=1e-12)


def test_containers_and_pickles_give_the_same_bits():
    text = "y ~ poly(size, 2) * soil + C(block) | bs(z, df=4)"
    formula = Formula.learn(text, DATA)
    expected = formula.design(DATA).to_numpy()
    polars = pl.from_pandas(DATA.reset_index(drop=True))
    arrays = {name: DATA[name].to_numpy() for name in DATA}
    copied = pickle.loads(pickle.dumps(formula))
    for made in (
        formula.design(polars), formula.design(arrays), copied.design(DATA),
        Formula.learn(text, polars).design(polars), Formula.learn(text, arrays).design(DATA),
    ):  # fmt: skip
        np.testing.assert_array_equal(made.to_numpy(), expected)


def test_responses_stay_as_they_are():
    labels = Formula.learn("soil ~ size", DATA).response(DATA)
    assert labels.tolist() == DATA["soil"].tolist()
    both = Formula.learn("y + z ~ size", DATA).response(DATA)
    np.testing.assert_array_equal(both, DATA[["y", "z"]])
    logs = Formula.learn("log(size) ~ z", DATA).response(DATA)
    np.testing.assert_array_equal(logs, np.log(DATA["size"]))
    with pytest.raises(ValueError, match=r"'poly\(z, 2\)' of formula=.* makes 2 columns"):
        Formula.learn("poly(z, 2) ~ size", DATA).response(DATA)


def test_a_dot_is_every_column_that_is_not_on_the_left():
    formula = Formula.learn("y ~ . | 1", DATA[["y", "size", "z"]])
    assert formula.columns == ("size", "z")


def test_levels_without_rows_make_no_column():
    data = DATA.assign(soil=pd.Categorical(DATA["soil"], ["sand", "peat", "loam", "clay"]))
    assert Formula.learn("y ~ soil", data).columns == ("soil[T.loam]", "soil[T.clay]")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"soil": "peat"},
            r"column 'soil' of X has the level 'peat', .* \['clay', 'loam', 'sand'\]",
        ),
        ({"block": 9}, r"column 'block' of X has the level 9"),
        ({"size": np.nan}, r"X has missing values: 60 in column 'size'"),
        ({"z": 7.0}, r'extrapolation="linear"'),
        ({"size": -1.0}, r"the term 'log\(size\)' of formula=.* is nan in row 0 of X and 60 rows"),
        ({"size": "much"}, r"cannot be evaluated"),
    ],
)
def test_new_data_that_cannot_be_read(change, message):
    formula = Formula.learn("y ~ log(size) + soil | bs(z, df=4) + C(block)", DATA)
    with pytest.raises(ValueError, match=message):
        formula.design(DATA.assign(**change))


def test_data_without_a_column_or_without_names():
    formula = Formula.learn("y ~ size | z", DATA)
    with pytest.raises(ValueError, match=r"X has no column 'z', which formula='y ~ size \| z'"):
        formula.design(DATA[["size"]])
    for data in (DATA[["size", "z"]].to_numpy(), DATA["size"], [[1.0, 2.0]], {"size": 1.0}):
        with pytest.raises(ValueError, match="pass a "):
            formula.design(data)
    with pytest.raises(ValueError, match="two columns called 'z'"):
        formula.design(DATA[["size", "z", "z"]])
    assert as_frame(DATA) is DATA


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y ~ size - 1", r"takes the constant out of 'size'.* leave \"0 \+\" and \"- 1\" out"),
        ("y ~ size | 0 + z", "takes the constant out of 'z'"),
        ("size", "has no response"),
        ("~ size", "has no response"),
        ("y | z ~ size", "a bar on the left"),
        ("y ~ size | z | wet", "has 3 parts right of ~"),
        ("y ~ (size", "cannot be read: Could not find"),
        ("y ~ log(size).abs()", "cannot be read"),
        ("y:z ~ size", "product y:z on its left side"),
        ("y ~ size + weight", "data has no column 'weight'"),
        ("y ~ spline(size)", "'spline' is not defined]; make it a column of the data first"),
        (7, "formula=7 is not a text"),
    ],
)
def test_formulas_that_cannot_be_used(text, message):
    with pytest.raises(ValueError, match=message):
        Formula.learn(text, DATA)


def test_nothing_of_the_caller_is_seen():
    secret = np.ones(60)  # noqa: F841
    with pytest.raises(ValueError, match="data has no column 'secret'"):
        Formula.learn("y ~ secret", DATA)


def test_names_that_a_formula_needs():
    terms = parse("y ~ poly(a, 2) + log(`b c`) + np.log(d * np.pi) + Q('e f') + C(g) + C").experts
    assert variables(terms, ["C"]) == {"a", "b c", "d", "e f", "g", "C"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y - z ~ size", "operator - on its left side.* calculate within I"),
        ("y**2 ~ size", r"operator \*\* on its left side"),
        ("y^2 ~ size", r"operator \^ on its left side"),
        ("y ~", "ends in nothing"),
        ("y ~ size |", "ends in nothing.* with 1 for a part that is constant"),
        ("y ~ poly(`class`, 2)", "words of Python's own, such as class, have to be renamed"),
    ],
)
def test_texts_that_would_mean_something_else(text, message):
    with pytest.raises(ValueError, match=message):
        Formula.learn(text, DATA.assign(**{"class": DATA["z"]}))


def test_operators_within_functions_and_on_the_right_stay():
    formula = Formula.learn("I(y - z) + log(size - 0.5) ~ size + z - z", DATA)
    assert formula.responses == ("I(y - z)", "log(size - 0.5)")
    assert formula.columns == ("size",)


@pytest.mark.parametrize(
    ("name", "text"), [("1", "y ~ `1`"), ("1", "y ~ ."), ("Intercept", "y ~ z | Intercept")]
)
def test_columns_called_as_the_constant_is(name, text):
    data = DATA[["y", "z"]].assign(**{name: DATA["size"]})
    with pytest.raises(ValueError, match=f"a column called '{name}'.* rename it"):
        Formula.learn(text, data)


def test_a_row_that_was_refused_leaves_no_trace():
    formula = Formula.learn("y ~ poly(size, 2) * soil | z", DATA)
    before = formula.design(DATA)
    bad = DATA.head(3).assign(z=["a", "b", "c"])
    with pytest.raises(ValueError, match="cannot be evaluated"):
        formula.design(bad)
    np.testing.assert_array_equal(formula.design(DATA), before)


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow", "object", "one row"])
def test_how_columns_are_stored_does_not_matter(backend):
    text = "y ~ size * soil + wet | C(block)"
    plain = Formula.learn(text, DATA)
    if backend == "one row":
        row = DATA.iloc[5].to_frame().T
        assert row["size"].dtype == object
        np.testing.assert_array_equal(plain.design(row), plain.design(DATA).iloc[[5]])
        return
    other = (
        DATA.astype(object) if backend == "object" else DATA.convert_dtypes(dtype_backend=backend)
    )
    learned = Formula.learn(text, other)
    assert learned.columns == plain.columns
    for formula in (plain, learned):
        np.testing.assert_array_equal(formula.design(other), plain.design(DATA))


def test_a_row_may_hold_the_one_level_that_is_a_number():
    data = DATA.assign(soil=[1 if soil == "clay" else soil for soil in DATA["soil"]])
    formula = Formula.learn("y ~ soil", data)
    for row in range(6):
        np.testing.assert_array_equal(
            formula.design(data.iloc[[row]]), formula.design(data).iloc[[row]]
        )


def test_levels_of_new_data_that_no_row_has():
    formula = Formula.learn("y ~ soil", DATA)
    wider = DATA.assign(soil=pd.Categorical(DATA["soil"], ["sand", "peat", "loam", "clay"]))
    np.testing.assert_array_equal(formula.design(wider), formula.design(DATA))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.date_range("2020", periods=60), "'t' of data holds dates"),
        (pd.to_timedelta(np.arange(60), "h"), "'t' of data holds durations"),
        (np.arange(60) + 1j, "'t' of data holds complex numbers"),
    ],
)
def test_columns_that_are_neither_numbers_nor_words(values, message):
    with pytest.raises(ValueError, match=message):
        Formula.learn("y ~ t", DATA.assign(t=np.asarray(values)))


@pytest.mark.parametrize(
    "term", ["I(z - z.mean())", "z.rank()", "{z / z.max()}", "I(z - np.mean(z))"]
)
def test_terms_that_depend_on_other_rows(term):
    with pytest.raises(ValueError, match=r"depends on other rows.* use center\(x\)"):
        Formula.learn(f"y ~ {term}", DATA)
    Formula.learn("y ~ center(z) + scale(size) + poly(z, 2)", DATA)


@pytest.mark.parametrize("name", [" z", "z,size", "z "])
def test_names_that_look_like_others(name):
    data = DATA[["y", "z", "size"]].assign(**{name: DATA["soil"]})
    for text in (f"y ~ `{name}`", f"y ~ C(`{name}`) + z"):
        formula = Formula.learn(text, data)
        assert formula.design(data).shape[0] == 60
        with pytest.raises(ValueError, match="has the level 'peat'"):
            formula.design(data.assign(**{name: "peat"}))


def test_names_and_rows_that_are_not_there():
    with pytest.raises(ValueError, match=r"not a text.* data.rename\(columns=str\)"):
        Formula.learn("y ~ .", DATA[["y", "z"]].rename(columns={"z": 7}))
    with pytest.raises(ValueError, match="X has no rows"):
        Formula.learn("y ~ z", DATA).design(DATA.head(0))
