"""Estimators as JSON: the same predictions bit for bit, and nothing in a file is trusted."""

from __future__ import annotations

import hashlib
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

import mixexp
from mixexp import (
    Activation,
    BinomialMoE,
    BLoME,
    GaussianMoE,
    GLoME,
    MixingMeasure,
    MultinomialMoE,
    PoissonMoE,
    Temperature,
    TemperatureSchedule,
    TopK,
    Transformed,
)
from mixexp.models import GaussianGate
from mixexp.models.activations import RELU
from mixexp.models.covariances import BlockDiagonal, Diagonal
from mixexp.models.maps import COS
from mixexp.persistence import dumps, loads
from tests.estimators.problems import two_lines

X, Y = two_lines(120)
SETTINGS = {"n_init": 1, "random_state": 0}
BOTH = np.column_stack([Y, Y[::-1] + X[:, 0]])
WORDS = np.where(Y > 1.0, "much", np.where(Y > -1.0, "some", "none"))
START = MixingMeasure(
    [1.0, 1.0],
    {"gate_coef": np.zeros((2, 2)), "intercept": [1.0, -2.0], "coef": [[2.0, 1.0], [-1.0, 0.5]],
     "variance": [0.3, 0.6]},
)  # fmt: skip
CASES = {
    "gaussian": (GaussianMoE(**SETTINGS), Y),
    "settings": (
        GaussianMoE(
            3, init=START.split(0, [0.5, 0.5]), bounds={"gate": 50.0, "scale": (0.01, 10.0)},
            gate_penalty=0.1, gate_features=[0, 1],
            temperature_schedule=TemperatureSchedule(n_steps=3),
            n_jobs=2, **SETTINGS,
        ), Y,
    ),
    "several responses": (GaussianMoE(covariance=Diagonal("shared"), **SETTINGS), BOTH),
    "blocks": (GaussianMoE(covariance=BlockDiagonal([[0], [1]]), **SETTINGS), BOTH),
    "gaussian gate": (GaussianMoE(gate=GaussianGate(Diagonal()), **SETTINGS), Y),
    "top-K": (GaussianMoE(gate=TopK(n_active=1), **SETTINGS), Y),
    "temperature": (GaussianMoE(gate=Temperature(Activation(RELU), tau=2.0), **SETTINGS), Y),
    "transformed": (GaussianMoE(gate=Transformed(COS), **SETTINGS), Y),
    "words": (MultinomialMoE(**SETTINGS), WORDS),
    "truth values": (MultinomialMoE(**SETTINGS), Y > 0.0),
    "whole labels": (MultinomialMoE(**SETTINGS), np.where(Y > 0.0, 7, -2)),
    "objects": (MultinomialMoE(**SETTINGS), WORDS.astype(object)),
    "counts": (PoissonMoE(**SETTINGS), np.round(Y**2)),
    "binary": (BinomialMoE(**SETTINGS), (Y > 0.0) * 1.0),
    "joint": (GLoME(**SETTINGS), Y),
    "factors": (GLoME(n_latent=1, **SETTINGS), Y),
    "conditional": (GLoME(likelihood="conditional", **SETTINGS), Y),
    "block choice": (BLoME(criterion="bic", **SETTINGS), Y),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    estimator, y = CASES[request.param]
    return estimator.fit(X, y), y


@pytest.fixture(scope="module")
def moe():
    return GaussianMoE(**SETTINGS).fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_predictions_come_back_bit_for_bit(fitted, tmp_path):
    moe, y = fitted
    mixexp.save(moe, tmp_path / "fit.json")
    other = mixexp.load(str(tmp_path / "fit.json"))
    assert type(other) is type(moe)
    np.testing.assert_array_equal(other.predict(X), moe.predict(X))
    np.testing.assert_array_equal(other.gate_proba(X), moe.gate_proba(X))
    np.testing.assert_array_equal(other.responsibilities(X, y), moe.responsibilities(X, y))
    np.testing.assert_array_equal(other.score_samples(X, y), moe.score_samples(X, y))
    new = X[:3] + 100.0
    np.testing.assert_array_equal(other.predict_expert(new), moe.predict_expert(new))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_all_of_an_estimator_comes_back(fitted):
    moe, y = fitted
    other = loads(dumps(moe))
    assert repr(other.get_params()) == repr(moe.get_params())
    assert set(vars(other)) | {"_used"} == set(vars(moe)) | {"_used"}
    assert repr(other.certificate_) == repr(moe.certificate_)
    pd.testing.assert_frame_equal(other.optima_, moe.optima_)
    pd.testing.assert_frame_equal(other.starts_, moe.starts_)
    assert other.measure_ == moe.measure_ and other.bic(X, y) == moe.bic(X, y)
    assert dumps(other) == dumps(moe)
    if hasattr(moe, "classes_"):
        assert other.classes_.tolist() == moe.classes_.tolist()
        assert other.classes_.dtype == moe.classes_.dtype
    assert other.fit(X, y).loglik_ == moe.loglik_


def test_another_optimum_stays_chosen():
    moe = GaussianMoE(3, n_init=6, random_state=1).fit(X, Y)
    assert len(moe.optima_) > 1
    other = loads(dumps(moe.use_optimum(1)))
    np.testing.assert_array_equal(other.predict(X), moe.predict(X))
    assert other.loglik_ == moe.optima_["loglik"].iloc[1]
    assert loads(dumps(pickle.loads(pickle.dumps(moe)))).loglik_ == moe.loglik_


def test_column_names_and_output_are_kept():
    frame = pd.DataFrame(X, columns=["a", "b"])
    moe = GaussianMoE(**SETTINGS).fit(frame, Y).set_output(transform="pandas")
    other = loads(dumps(moe))
    assert list(other.feature_names_in_) == ["a", "b"]
    pd.testing.assert_frame_equal(other.gate_proba(frame), moe.gate_proba(frame))


FRAME = pd.DataFrame(X, columns=["size", "leaf area"]).assign(
    y=Y, C=np.abs(Y), soil=np.where(X[:, 1] > 0.0, "clay", "sand"), block=np.arange(120) % 3
)


@pytest.mark.parametrize(
    "text",
    [
        "y ~ poly(size, 3) * soil + C(block) | bs(`leaf area`, df=4)",
        "log(C) ~ cs(size, df=4) + scale(`leaf area`) | np.tanh(size) + I(size ** 2)",
        "y + C ~ C(soil, Treatment('sand')) | C(block, contr.sum)",
        "y ~ 1",
        "y ~ . | size",
    ],
)
def test_formulas_are_kept(text):
    moe = GaussianMoE.from_formula(text, FRAME, **SETTINGS).fit()
    other = loads(dumps(moe))
    assert other.formula_.text == text and other.formula_.columns == moe.formula_.columns
    np.testing.assert_array_equal(other.predict(FRAME), moe.predict(FRAME))
    part = FRAME.iloc[[5, 3]]
    np.testing.assert_array_equal(other.predict(part), moe.predict(part))
    assert other.score(FRAME) == moe.score(FRAME)
    assert dumps(other) == dumps(moe)
    with pytest.raises(ValueError, match="which does not keep data; pass X, a data frame"):
        other.fit()
    assert other.fit(FRAME).loglik_ == moe.loglik_


def test_levels_and_named_columns_are_kept():
    data = FRAME.assign(n=np.round(Y**2), time=1.0 + X[:, 0] ** 2, w=1.0)
    moe = PoissonMoE.from_formula("n ~ soil", data, exposure="time", weights="w", **SETTINGS).fit()
    other = loads(dumps(moe))
    np.testing.assert_array_equal(other.predict(data), moe.predict(data))
    assert other.bic(data) == moe.bic()
    with pytest.raises(ValueError, match="has the level 'peat'"):
        other.predict(data.assign(soil="peat"))


def shifted(x):
    """A function of the user's."""
    return np.tanh(x - 1.0)


def test_what_only_code_can_describe_is_refused(moe):
    transformed = GaussianMoE(gate=Transformed(shifted), **SETTINGS).fit(X, Y)
    with pytest.raises(ValueError, match=r"gate\.map=.*shifted.*; use pickle instead"):
        dumps(transformed)
    seeded = GLoME(random_state=np.random.RandomState(0), n_init=1)
    with pytest.raises(ValueError, match=r"random_state=RandomState.*use pickle instead"):
        dumps(seeded.fit(X, Y))
    for term in ("size.abs()", "size + C(size > 0) + block + C(block)", "hashed(soil, levels=3)"):
        bound = GaussianMoE.from_formula(f"y ~ {term}", FRAME, n_experts=1, **SETTINGS).fit()
        with pytest.raises(ValueError, match="use pickle instead"):
            dumps(bound)

    class Mine(GaussianMoE):
        pass

    with pytest.raises(ValueError, match="Mine is not one of"):
        dumps(Mine(**SETTINGS).fit(X, Y))
    with pytest.raises(NotFittedError):
        dumps(GaussianMoE())


def changed(moe, change, *, sealed=True):
    """The JSON of a fit after a change of its document, with a right or a stale checksum."""
    document = json.loads(dumps(moe))
    change(document)
    if sealed:
        body = json.dumps(document["estimator"], sort_keys=True, ensure_ascii=True)
        document["sha256"] = hashlib.sha256(body.encode()).hexdigest()
    return json.dumps(document)


def setting(*path):
    """A change that puts the last item of a path at the place the others name."""
    *way, value = path

    def change(document):
        node = document
        for key in way[:-1]:
            node = node[key]
        node[way[-1]] = value

    return change


CLASS = {"class": "models.Softmax", "fields": {}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (setting("format_version", 99), "its format is 99, newer than 1.* update mixexp"),
        (setting("format", "other"), "this is no file of mixexp.save"),
        (setting("estimator", "class", "Popen"), "no estimator called 'Popen'"),
        (setting("estimator", "settings", "n_experts", -1), "n_experts"),
        (setting("estimator", "settings", "colour", 1), "colour"),
        (setting("estimator", "settings", "gate", {"class": "os.system", "fields": {}}),
         "no class called 'os.system'"),
        (setting("estimator", "settings", "gate", {"constant": "maps.pickle"}),
         "no function called 'maps.pickle'"),
        (setting("estimator", "settings", "gate", {"py/object": "os"}), "nothing that save writes"),
        (setting("estimator", "settings", "gate", {**CLASS, "fields": {"a": 1}}),
         r"fields \['a'\]"),
        (setting("estimator", "fitted", "predict", 1), "'predict' is not a fitted attribute"),
        (setting("estimator", "fitted", "__class__", 1), "'__class__' is not a fitted attribute"),
        (setting("estimator", "fitted", "params_", 1), "'params_' is not a fitted attribute"),
        (setting("estimator", "optimum", 99), "index=99"),
        (setting("estimator", "optimum", "0"), "does not describe an estimator"),
        (setting("estimator", "fitted", {}), "does not describe an estimator"),
        (setting("estimator", []), "does not describe an estimator"),
        (setting("estimator", "fitted", "n_free_", 2**70), "64 bits"),
        (setting("estimator", "fitted", "_x",
                 {"array": [1], "dtype": "O", "shape": [1], "order": "C"}), "dtype 'O'"),
        (setting("estimator", "fitted", "_x",
                 {"array": [1], "dtype": "int64", "shape": [3], "order": "C"}), "reshape"),
    ],
)  # fmt: skip
def test_files_that_are_none_of_ours(moe, change, message):
    with pytest.raises(ValueError, match=message):
        loads(changed(moe, change))


def test_damage_is_found(moe, tmp_path):
    path = tmp_path / "fit.json"
    text = dumps(moe)
    digits = changed(moe, setting("estimator", "fitted", "n_free_", 8), sealed=False)
    for damaged in (text[:-200], "", "null", "[" * 100_000, digits):
        path.write_text(damaged, encoding="utf-8")
        with pytest.raises(ValueError, match=r"fit\.json' cannot be loaded"):
            mixexp.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="cannot be loaded"):
        mixexp.load(path)
    with pytest.raises(FileNotFoundError):
        mixexp.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "text",
    [
        "y ~ __import__('os').getcwd()",
        "y ~ size | eval('size')",
        "y ~ np.load('x')",
        "y ~ size.to_pickle('x')",
        "y ~ (lambda: size)()",
        "y ~ I([s for s in size])",
        "y ~ np",
        "I(open('x')) ~ size",
    ],
)
def test_no_code_of_a_file_is_run(text):
    moe = GaussianMoE.from_formula("y ~ size", FRAME, **SETTINGS).fit()

    def change(document):
        pairs = document["estimator"]["formula"]["dict"]
        next(pair for pair in pairs if pair[0] == "text")[1] = text

    with pytest.raises(ValueError, match="does not describe an estimator"):
        loads(changed(moe, change))


def test_other_versions_load_without_a_warning(moe):
    other = loads(changed(moe, setting("mixexp", "0.0.1")))
    np.testing.assert_array_equal(other.predict(X), moe.predict(X))


def test_the_file_is_plain_json(moe, tmp_path):
    path = tmp_path / "fit.json"
    path.write_text("old")
    mixexp.save(moe, path)
    document = json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
    assert document["mixexp"] == mixexp.__version__
    assert [p.name for p in tmp_path.iterdir()] == ["fit.json"]


def test_no_code_is_run_behind_quotes(tmp_path, monkeypatch):
    """Backticks within texts, and texts within the code that formulaic makes of a term."""
    monkeypatch.chdir(tmp_path)
    moe = GaussianMoE.from_formula("y ~ exp(size)", FRAME, **SETTINGS).fit()
    code = "__import__('pathlib').Path('ran').touch()"
    for term in (f"exp(size + ('`' and {code} or '`'))", f"exp(size, base=\"'',{code})#(\")"):
        text = json.dumps(json.loads(dumps(moe))["estimator"]["formula"])
        told = json.loads(text.replace("exp(size)", json.dumps(term)[1:-1]))
        with pytest.raises(ValueError, match="does not describe an estimator"):
            loads(
                changed(moe, lambda document, told=told: document["estimator"].update(formula=told))
            )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "labels",
    [np.int8([-1, 4]), np.int32([2, 7]), np.uint64([3, 2**64 - 1]), np.int64([-(2**63), 1])],
)
def test_whole_numbers_of_any_size_are_labels(labels):
    labels = np.asarray(labels)
    moe = MultinomialMoE(**SETTINGS).fit(X, labels[(np.median(Y) < Y).astype(int)])
    again = loads(dumps(moe))
    assert again.classes_.dtype == labels.dtype
    np.testing.assert_array_equal(again.predict(X), moe.predict(X))


def test_numbers_too_large_for_their_array(moe):
    array = {"array": [300], "dtype": "int8", "shape": [1], "order": "C"}
    with pytest.raises(ValueError, match="does not describe an estimator"):
        loads(changed(moe, lambda document: document["estimator"]["settings"].update(init=array)))


@pytest.mark.parametrize("name", ["b,c", " y"])
def test_levels_of_columns_with_odd_names(name):
    frame = FRAME.assign(**{name: np.where(FRAME["size"] > FRAME["size"].median(), "p", "q")})
    moe = GaussianMoE.from_formula(f"y ~ C(`{name}`) | `{name}`", frame, **SETTINGS).fit()
    np.testing.assert_array_equal(loads(dumps(moe)).predict(frame), moe.predict(frame))


def test_where_files_cannot_be(moe, tmp_path):
    for path in (tmp_path, tmp_path / "no" / "fit.json"):
        with pytest.raises(FileNotFoundError, match="make the folder first"):
            mixexp.save(moe, path)
    with pytest.raises(ValueError, match="Pipeline is not one of"):
        dumps(make_pipeline(moe))


def test_the_mark_of_an_editor_does_no_harm(moe, tmp_path):
    path = tmp_path / "fit.json"
    path.write_text(dumps(moe), encoding="utf-8-sig")
    np.testing.assert_array_equal(mixexp.load(path).predict(X), moe.predict(X))


def test_callbacks_stay_behind() -> None:
    callbacks = pytest.importorskip("sklearn.callback")
    moe = GaussianMoE(2, **SETTINGS).set_callbacks(callbacks.ScoringMonitor(scoring="r2"))
    assert np.array_equal(loads(dumps(moe.fit(X, Y))).predict(X), moe.predict(X))
