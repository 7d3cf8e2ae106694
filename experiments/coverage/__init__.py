"""How often the intervals of the inference module cover: ``python -m experiments.coverage``."""
