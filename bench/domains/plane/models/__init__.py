"""The families for images, one file each; `bench.registry.families` finds them by name."""
