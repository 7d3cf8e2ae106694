"""Where tasks are computed: in this process, in local worker processes, or on a Dask cluster."""

from __future__ import annotations

from mixexp.simulation.backends.cluster import dask_pool
from mixexp.simulation.backends.pool import Pool, in_pool
from mixexp.simulation.backends.processes import loky_pool, number_of_workers
from mixexp.simulation.backends.serial import Offers, execute_serially, in_process

__all__ = [
    "Offers",
    "Pool",
    "dask_pool",
    "execute_serially",
    "in_pool",
    "in_process",
    "loky_pool",
    "number_of_workers",
]
