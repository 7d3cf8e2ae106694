"""mixexp: statistical mixtures of experts.

Maximum-likelihood fits that say how far they can be trusted, and the convergence theory of mixtures
of experts as code.
"""

from typing import TYPE_CHECKING

from mixexp._lazy import lazy

if TYPE_CHECKING:
    from mixexp.estimation.cluster import scan_dask
    from mixexp.estimation.solvers import TemperatureSchedule
    from mixexp.estimation.streams import scan_arrays, scan_chunks, scan_parquet
    from mixexp.estimators import BinomialMoE, BLoME, GaussianMoE, GLoME, MultinomialMoE, PoissonMoE
    from mixexp.estimators.many import fit_many
    from mixexp.models import (
        Activation,
        Binomial,
        Gaussian,
        MixingMeasure,
        MixtureOfExperts,
        MixtureParams,
        Multinomial,
        Poisson,
        Softmax,
        Temperature,
        TopK,
        Transformed,
    )
    from mixexp.persistence import load, save
    from mixexp.selection import ModelSelector
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "mixexp.estimation.solvers": ["TemperatureSchedule"],
            "mixexp.estimators": [
                "BLoME",
                "BinomialMoE",
                "GLoME",
                "GaussianMoE",
                "MultinomialMoE",
                "PoissonMoE",
            ],
            "mixexp.models": [
                "Activation",
                "Binomial",
                "Gaussian",
                "MixingMeasure",
                "MixtureOfExperts",
                "MixtureParams",
                "Multinomial",
                "Poisson",
                "Softmax",
                "Temperature",
                "TopK",
                "Transformed",
            ],
            "mixexp.estimators.many": ["fit_many"],
            "mixexp.estimation.cluster": ["scan_dask"],
            "mixexp.estimation.streams": ["scan_arrays", "scan_chunks", "scan_parquet"],
            "mixexp.persistence": ["load", "save"],
            "mixexp.selection": ["ModelSelector"],
        },
        modules=[
            "compat",
            "datasets",
            "estimation",
            "estimators",
            "formula",
            "inference",
            "models",
            "persistence",
            "plotting",
            "selection",
            "simulation",
            "theory",
        ],
    )

__version__ = "0.1.0.dev0"

__all__ = [
    "Activation",
    "BLoME",
    "Binomial",
    "BinomialMoE",
    "GLoME",
    "Gaussian",
    "GaussianMoE",
    "MixingMeasure",
    "MixtureOfExperts",
    "MixtureParams",
    "ModelSelector",
    "Multinomial",
    "MultinomialMoE",
    "Poisson",
    "PoissonMoE",
    "Softmax",
    "Temperature",
    "TemperatureSchedule",
    "TopK",
    "Transformed",
    "__version__",
    "fit_many",
    "load",
    "save",
    "scan_arrays",
    "scan_chunks",
    "scan_dask",
    "scan_parquet",
]
