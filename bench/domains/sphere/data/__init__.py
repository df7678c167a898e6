"""Data sets of functions on the sphere, one file per source."""
