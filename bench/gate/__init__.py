"""The performance gate: whether code is as fast, small and exact as the code that a baseline was recorded with."""
