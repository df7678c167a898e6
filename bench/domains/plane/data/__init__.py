"""The data sets of images, one file each; `bench.registry.datasets` finds them by name."""
