"""The layers of spherical networks: correlations and normalisation of spectra, the nonlinearity on a grid."""
