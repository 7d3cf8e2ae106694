"""The published GLoME study: processes, paths of fits, selection, error decay, Ethanol data."""
