"""Every argument and every method of the estimators is documented."""

from __future__ import annotations

import inspect
import re

import pytest

import mixexp
from mixexp.estimators import __all__ as names
from mixexp.estimators._docs import documented


@pytest.mark.parametrize("name", names)
def test_arguments_are_documented_in_order_and_with_their_defaults(name):
    Estimator = getattr(mixexp, name)
    text = inspect.getdoc(Estimator)
    section = text[text.index("Parameters\n") : text.index("Attributes\n")]
    entries = dict(re.findall(r"^(\w+) : (.+)$", section, flags=re.MULTILINE))
    parameters = inspect.signature(Estimator).parameters
    assert list(entries) == list(parameters)
    for key, entry in entries.items():
        default = parameters[key].default
        if default is not None:
            assert re.search(r"default=(.+)", entry)[1].strip('"') == str(default)
    assert "{" not in text.replace('{"', "")


@pytest.mark.parametrize("name", names)
def test_methods_are_documented(name):
    Estimator = getattr(mixexp, name)
    public = [m for m in vars(Estimator) if not m.startswith("_")]
    assert public
    assert all(getattr(Estimator, method).__doc__ for method in public)


def test_an_argument_without_a_text_is_noticed():
    class Strange:
        """{parameters}"""

        def __init__(self, colour: str = "red"):
            self.colour = colour

    with pytest.raises(KeyError, match="colour"):
        documented()(Strange)
    filled = documented(colour=("str", "Of the line."))(Strange)
    assert filled.__doc__ == 'colour : str, default="red"\n    Of the line.'
    filled.__doc__ = None
    assert documented()(filled).__doc__ is None
