"""`equivaug doctor`: what this installation is, and whether a device gives right numbers, and how fast."""
