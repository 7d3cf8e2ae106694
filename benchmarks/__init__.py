"""Timings and memory of mixexp: ``python -m benchmarks.run`` (``make bench``)."""
