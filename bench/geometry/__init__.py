"""What every domain shares: what a network is built for, how things transform, and how data are moved."""

from bench.geometry.augmentation import Augmentation, expand
from bench.geometry.domain import Domain, domain, domain_names, register_domain
from bench.geometry.law import INVARIANT, UNKNOWN, Base, Invariant, Law, Motion, NoActionError, on_support
from bench.geometry.shape import Shape

__all__ = [
    "INVARIANT",
    "UNKNOWN",
    "Augmentation",
    "Base",
    "Domain",
    "Invariant",
    "Law",
    "Motion",
    "NoActionError",
    "Shape",
    "domain",
    "domain_names",
    "expand",
    "on_support",
    "register_domain",
]
