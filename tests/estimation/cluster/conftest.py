"""A cluster of two worker processes, shared by all tests here."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

# Makes what the tests share importable, here and in workers, in any import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))

# Dask is an extra.
collect_ignore_glob = [] if find_spec("distributed") else ["test_*.py", "many_rows.py"]


@pytest.fixture(scope="session")
def client():
    """A client of two worker processes, which nobody finds who is not given it."""
    import distributed

    with (
        # Any free port, of which nothing is printed.
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as made,
    ):
        yield made
