"""The families, one file each; `bench.registry.families` finds them by name."""
