"""Pickles that know which version of mixexp made them."""

from __future__ import annotations

import warnings
from dataclasses import is_dataclass, replace
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning as _OfScikitLearn

_KEY = "_mixexp_version"


class InconsistentVersionWarning(_OfScikitLearn):
    """A pickle was made by another version of mixexp, and may not mean the same in this one."""

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was pickled by mixexp {self.original_sklearn_version} and is "
            f"read by mixexp {self.current_sklearn_version}: its results may differ or fail. Fit "
            "it again, or move it with mixexp.save and mixexp.load"
        )


class Versioned:
    """Keeps the version of mixexp in pickles, and warns where another one reads them."""

    def __getstate__(self) -> dict[str, Any]:
        from mixexp import __version__

        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        # Models remember what they computed of themselves, which needs no place in a file.
        fresh = {
            name: replace(v)
            for name, v in state.items()
            if is_dataclass(v) and not isinstance(v, type)
        }
        return {**state, **fresh, _KEY: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from mixexp import __version__

        written_by = state.get(_KEY, "of a version before 0.1")
        if written_by != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=__version__,
                    original_sklearn_version=written_by,
                ),
                stacklevel=2,
            )
        vars(self).update({name: value for name, value in state.items() if name != _KEY})
