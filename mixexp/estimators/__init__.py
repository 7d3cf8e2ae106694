"""What users import: scikit-learn estimators."""

from typing import TYPE_CHECKING

from mixexp._lazy import lazy

if TYPE_CHECKING:
    from mixexp.estimators.blome import BLoME
    from mixexp.estimators.classification import MultinomialMoE
    from mixexp.estimators.counts import PoissonMoE
    from mixexp.estimators.glome import GLoME
    from mixexp.estimators.regression import GaussianMoE
    from mixexp.estimators.trials import BinomialMoE
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "mixexp.estimators.blome": ["BLoME"],
            "mixexp.estimators.classification": ["MultinomialMoE"],
            "mixexp.estimators.counts": ["PoissonMoE"],
            "mixexp.estimators.glome": ["GLoME"],
            "mixexp.estimators.regression": ["GaussianMoE"],
            "mixexp.estimators.trials": ["BinomialMoE"],
        },
        modules=["blome", "classification", "counts", "glome", "many", "regression", "trials"],
    )

__all__ = ["BLoME", "BinomialMoE", "GLoME", "GaussianMoE", "MultinomialMoE", "PoissonMoE"]
