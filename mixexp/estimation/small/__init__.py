"""Small problems in compiled code: one climb without a loop in Python, and very many at once."""
