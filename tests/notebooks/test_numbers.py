"""The comparison of texts sees what it has to see, and nothing else."""

from __future__ import annotations

import pytest

from tests.notebooks.numbers import differences


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("loglik -851.3149", "loglik   -851.3150"),
        ("gain: 2.8e-28 nats", "gain: 4e-17 nats"),
        ("eigenvalues from 0.0885 to 1.15e+03", "eigenvalues from 0.0886 to 1.149e+03"),
        ("best of 50 starts, 2 distinct optima, this one reached 2 times",
         "best of 50 starts, 3 distinct optima, this one reached 4 times"),
        ("−0.50", "−0.49"),
        ("expert 0: E  3579.4232  withheld  [1]", "expert 0: E  81.2  withheld  [1]"),
    ],
)  # fmt: skip
def test_rounding_is_no_difference(before: str, after: str) -> None:
    assert differences(before, after) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("loglik -851.3149", "loglik -854.1370"),
        ("gain: 2.8e-28 nats", "gain: 1.1e-2 nats"),
        ("K = 3", "K = 4"),
        ("x^2 0.05", "x^2 0.50"),
        ("1.0", "-1.0"),
        ("certified True", "certified False"),
        ("one", "one two"),
        ("expert 0: E  3579.42  withheld  [1]", "expert 1: E  3579.42  withheld  [1]"),
    ],
)
def test_other_numbers_and_words_are(before: str, after: str) -> None:
    assert differences(before, after) != []
