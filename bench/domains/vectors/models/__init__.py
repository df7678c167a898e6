"""Families for tuples of tensors."""
