"""The families for tuples of tensors, one file each."""
