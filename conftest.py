"""Modules that need a package which is not installed have no examples to run."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("skpro") else ["mixexp/compat/skpro.py"]
