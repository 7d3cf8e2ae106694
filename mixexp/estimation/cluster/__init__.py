"""Fits whose rows, starts or replicates are spread over the workers of a Dask cluster."""

from mixexp.estimation.cluster.collection import Collection
from mixexp.estimation.cluster.rows import Distributed
from mixexp.estimation.cluster.scan import is_dask, scan_dask

__all__ = ["Collection", "Distributed", "is_dask", "scan_dask"]
