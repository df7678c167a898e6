"""Data sets of tuples of tensors."""
