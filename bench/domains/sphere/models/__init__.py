"""The families for functions on the sphere, one file each."""
