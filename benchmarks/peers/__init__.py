"""Other packages on the same data from the same starts, beside mixexp: ``make bench-peers``."""
