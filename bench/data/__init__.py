"""The data sets, one file each; `bench.registry.datasets` finds them by name."""
