"""A fitted mixture of experts bound to a source: inference whose sums read it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.streams import Reader, Source
from mixexp.inference.fitted import Fitted


class NotHeld:
    """Stands for rows that are not in memory; whoever looks at them is told so."""

    def refuse(self, *_: Any, **__: Any) -> Any:
        """Say what does without the rows, and what to do instead.

        Raises
        ------
        ValueError
        """
        raise ValueError(
            "this needs the rows in memory, and the results were made from a source. Standard "
            "errors, tests, intervals and profiles do not; for the others, such as the bootstrap, "
            "fit the same model to as many rows as memory holds and ask the results of that fit"
        )

    __array__ = __getitem__ = __iter__ = __len__ = refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.refuse()


@dataclass(frozen=True, eq=False)
class FittedSource(Fitted):
    """An optimum and the objective it maximises, each value of which is a pass over a source.

    Attributes
    ----------
    content : str
        Digest of the survey of the source.
    has_weights : bool
        Whether any row has a weight.
    """

    content: str
    has_weights: bool

    @classmethod
    def of_source(cls, estimator: Any, source: Source) -> FittedSource:
        """A fitted estimator with the source it was fitted to; two passes.

        Raises
        ------
        ValueError
            If the log-likelihood of its rows is not that of the fit.
        """
        options, affine, model = estimator._options(), estimator._affine, estimator._scaled
        names = getattr(estimator, "feature_names_in_", None)
        labels = [f"x{j}" for j in range(model.n_columns)] if names is None else list(names)
        columns = tuple(map(str, labels))
        reader = Reader(model.expert.encode, columns, estimator._code())
        survey = source.survey(reader, 1, 0)
        penalty = Ridge.build(model.layout, options.gate_penalty, options.expert_penalty)
        rows: Any = NotHeld()
        fitted = cls(
            Objective(model, source.rows(reader, survey, affine), penalty, options.n_threads),
            estimator._theta, options.bounds.box(model.layout), columns, rows, rows, rows,
            estimator.certificate_, survey.digest, survey.weighted,
        )  # fmt: skip
        fitted.check_loglik(estimator.loglik_)
        return fitted

    @property
    def n_rows(self) -> int:
        return self.objective.data.n_rows

    @property
    def weighted(self) -> bool:
        return self.has_weights

    def check_rows(self) -> None:
        """Refuse what needs the rows in memory.

        Raises
        ------
        ValueError
        """
        NotHeld().refuse()
