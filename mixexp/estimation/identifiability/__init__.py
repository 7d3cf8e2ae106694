"""What no data, or not these data, can tell about the parameters of a mixture of experts."""

from mixexp.estimation.identifiability.counterexamples import Counterexample, counterexamples
from mixexp.estimation.identifiability.diagnose import diagnose
from mixexp.estimation.identifiability.diagnosis import Diagnosis, Finding
from mixexp.estimation.identifiability.findings import data_findings, exact_findings, fit_findings
from mixexp.estimation.identifiability.independence import Independence, independence
from mixexp.estimation.identifiability.information import (
    Information,
    expected_information,
    root_scores,
)

__all__ = [
    "Counterexample",
    "Diagnosis",
    "Finding",
    "Independence",
    "Information",
    "counterexamples",
    "data_findings",
    "diagnose",
    "exact_findings",
    "expected_information",
    "fit_findings",
    "independence",
    "root_scores",
]
