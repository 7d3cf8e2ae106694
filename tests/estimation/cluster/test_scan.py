"""Sources of Dask data frames and arrays: the rows they give, and what they refuse."""

from __future__ import annotations

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from many_rows import rows

from mixexp import GaussianMoE, MultinomialMoE, scan_dask
from mixexp.estimation.cluster import is_dask

N = 10
FRAME = pd.DataFrame(
    {
        "a": np.arange(N, dtype=float),
        "b": np.arange(N),
        "word": ["x", "y"] * (N // 2),
        "w": np.linspace(0.5, 1.0, N),
        "day": pd.to_datetime("2020-01-01"),
    }
)


def frame():
    return dd.from_pandas(FRAME, npartitions=3)


def joined(source):
    """All chunks in one."""
    x, y, weight = zip(*source.chunks(), strict=True)
    return (
        np.concatenate(x),
        np.concatenate(y),
        None if weight[0] is None else np.concatenate(weight),
    )


def named():
    return scan_dask(frame(), ["a", "b"], "word", "w")


def by_exclusion():
    return scan_dask(frame()[["a", "b", "word", "w"]], y="word", sample_weight="w")


def beside():
    return scan_dask(frame()[["a", "b"]], y=frame()["word"], sample_weight=frame()["w"])


@pytest.mark.parametrize("make", [named, by_exclusion, beside], ids=lambda make: make.__name__)
def test_columns_of_a_frame_are_named_or_stand_beside_it(make):
    source = make()
    assert source.columns == ("a", "b") and source.n_partitions == 3
    x, y, weight = joined(source)
    np.testing.assert_array_equal(x, FRAME[["a", "b"]])
    assert y.tolist() == FRAME["word"].tolist() and source.labels().tolist() == ["x", "y"]
    np.testing.assert_array_equal(weight, FRAME["w"])


def test_several_responses_are_columns():
    expected = FRAME[["b", "w"]].to_numpy(float)
    for y in (["b", "w"], frame()[["b", "w"]]):
        np.testing.assert_array_equal(joined(scan_dask(frame(), ["a"], y))[1], expected)


def test_arrays_are_cut_as_x_is():
    x = da.from_array(np.arange(30.0).reshape(10, 3), chunks=(4, 2))
    y = da.from_array(np.arange(10.0), chunks=3)
    source = scan_dask(x, y=y, sample_weight=y + 1.0)
    assert [chunk.x.shape for chunk in source.chunks()] == [(4, 3), (4, 3), (2, 3)]
    found = joined(source)
    for one, other in zip(found, (x, y, y + 1.0), strict=True):
        np.testing.assert_array_equal(one, other.compute())


def test_numbers_of_rows_need_not_be_known():
    x = da.from_array(np.arange(30.0).reshape(10, 3), chunks=(4, 2))
    some = x[x[:, 0] > 5.0]
    found = joined(scan_dask(some, y=some[:, 1]))
    np.testing.assert_array_equal(found[0], some.compute())
    np.testing.assert_array_equal(found[1], some[:, 1].compute())


X = da.ones((6, 2), chunks=(3, 2))
REFUSED = {
    "a frame of pandas": (lambda: scan_dask(FRAME, ["a"], "b"), TypeError, "not a Dask data frame"),
    "numpy responses": (lambda: scan_dask(X, y=np.ones(6)), TypeError, "y is a ndarray"),
    "no response": (lambda: scan_dask(frame(), ["a"]), ValueError, "y is missing"),
    "an unknown column": (lambda: scan_dask(frame(), ["a"], "z"), ValueError, "no column 'z'"),
    "a column twice": (lambda: scan_dask(frame(), ["a"], "a"), ValueError, "named twice"),
    "names in an array": (lambda: scan_dask(X, ["a"], X[:, 0]), ValueError, "leave X out"),
    "one dimension": (lambda: scan_dask(X[:, 0], y=X[:, 0]), ValueError, "reshape it to"),
    "other rows": (lambda: scan_dask(X, y=X[:4, 0]), ValueError, "y has 4 rows, but data has 6"),
    "dates": (lambda: joined(scan_dask(frame(), ["a", "day"], "b")), ValueError, "'day' of partit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_rows_is_refused_with_a_remedy(case):
    make, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        make()


def test_only_collections_of_dask_are():
    assert is_dask(X) and is_dask(frame()) and is_dask(frame()["a"])
    assert not any(map(is_dask, (FRAME, FRAME["a"], np.ones(3), None, "a")))


def collections():
    x, y, _ = rows(n=3000)
    table = pd.DataFrame(x, columns=["u", "v"]).assign(y=y, kind=np.where(y > 0.0, "up", "down"))
    return table, dd.from_pandas(table, npartitions=3)


def test_an_estimator_takes_collections_and_has_the_fit_of_the_rows(client):
    table, lazy = collections()
    columns = ["u", "v"]
    moe = GaussianMoE(n_experts=2, n_init=2, random_state=0)
    here = moe.fit(table[columns], table["y"])
    expected = here.loglik_
    with client.as_current():
        found = moe.fit(lazy[columns], lazy["y"])
        assert list(found.feature_names_in_) == columns
        assert found.loglik_ == pytest.approx(expected, rel=1e-9)
        assert found.aic(lazy[columns], lazy["y"]) == pytest.approx(
            here.aic(table[columns], table["y"])
        )
        source = scan_dask(lazy, columns, "kind", client=client)
        assert source.labels().tolist() == ["down", "up"]
        classes = MultinomialMoE(n_experts=2, n_init=1, random_state=0).fit(source)
        assert classes.classes_.tolist() == ["down", "up"]


def test_an_error_names_the_partition_and_the_row(client):
    _, lazy = collections()
    lazy = lazy.assign(u=lazy["u"].where(lazy["v"] < 3.0))
    with pytest.raises(
        ValueError, match=r"X\['u'\] holds nan in row \d+ of partition \d of the Dask"
    ):
        GaussianMoE(n_experts=2, n_init=1).fit(scan_dask(lazy, ["u", "v"], "y", client=client))


def test_a_client_that_was_closed_is_named():
    from distributed import Client

    _, lazy = collections()
    with Client(n_workers=1, processes=False, dashboard_address=None, set_as_default=False) as gone:
        source = scan_dask(lazy, ["u", "v"], "y", client=gone)
    with pytest.raises(RuntimeError, match="client of this source is closed"):
        GaussianMoE(n_experts=2).fit(source)


def test_rows_stay_on_the_workers_of_the_client_that_is_active(client):
    _, lazy = collections()
    source = scan_dask(lazy, ["u", "v"], "y")
    assert source.client is None
    with client.as_current():
        assert source.client is client
