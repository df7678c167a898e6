"""equivaug: build the symmetry into the network, or learn it from augmented data? Both, measured."""

__version__ = "0.2.0"
