"""Model selection: criteria, slope heuristics that are checked, searches, dendrograms."""

from mixexp.selection.candidates import Candidates, UnreliableSelectionWarning, penalised
from mixexp.selection.collection import Level, penalised_collection
from mixexp.selection.criteria import aic, bic, entropy_of, icl
from mixexp.selection.dendrogram import Dendrogram, Merge, dendrogram, dendrogram_of
from mixexp.selection.dissimilarity import Units, dissimilarity
from mixexp.selection.fits_store import FitsStore
from mixexp.selection.heuristics import SlopeHeuristics, slope_heuristics
from mixexp.selection.jump import DimensionJump, dimension_jump, hull_path
from mixexp.selection.merging import merge_atoms, second_moment_of
from mixexp.selection.merging_gaussian import joint_moments, moment_matched
from mixexp.selection.partitions import PartitionPath, nested_partitions, partition_gains
from mixexp.selection.robust_line import Line, robust_line
from mixexp.selection.selector import ModelSelector
from mixexp.selection.slope import Plateau, SlopeEstimate, slope_estimation
from mixexp.selection.tail import Curvature, curvature
from mixexp.selection.validity import Check
from mixexp.selection.warm_starts import split_measures, split_responsibilities

__all__ = [
    "Candidates",
    "Check",
    "Curvature",
    "Dendrogram",
    "DimensionJump",
    "FitsStore",
    "Level",
    "Line",
    "Merge",
    "ModelSelector",
    "PartitionPath",
    "Plateau",
    "SlopeEstimate",
    "SlopeHeuristics",
    "Units",
    "UnreliableSelectionWarning",
    "aic",
    "bic",
    "curvature",
    "dendrogram",
    "dendrogram_of",
    "dimension_jump",
    "dissimilarity",
    "entropy_of",
    "hull_path",
    "icl",
    "joint_moments",
    "merge_atoms",
    "moment_matched",
    "nested_partitions",
    "partition_gains",
    "penalised",
    "penalised_collection",
    "robust_line",
    "second_moment_of",
    "slope_estimation",
    "slope_heuristics",
    "split_measures",
    "split_responsibilities",
]
