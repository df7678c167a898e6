"""What a plug-in imports, in one place whose names stay where rooms move.

A family takes ``(options, shape, width)`` and returns a `Network`; a data set takes options and returns a `Dataset`; a
measurement takes ``(options, network, inputs)`` and returns `Measured`. `examples/my_layer.py` is a worked one.
"""

from bench.data.dataset import Dataset, Split
from bench.domains.plane import Maps, image_network, image_shape, of_images
from bench.domains.plane.layers import FieldBatchNorm, FieldPool
from bench.domains.plane.models.planar import PlanarOptions, planar_network
from bench.errors import Impossible, UserError
from bench.geometry import INVARIANT, UNKNOWN, Domain, Law, Shape, register_domain
from bench.groups import Element, FieldType, Group, act, irrep, regular, trivial
from bench.groups.plain import Trivial
from bench.measure import Inputs, Measured
from bench.networks.network import Network
from bench.registry import Options, datasets, families, measurements
from bench.tasks import Task, register_task

__all__ = [
    "INVARIANT",
    "UNKNOWN",
    "Dataset",
    "Domain",
    "Element",
    "FieldBatchNorm",
    "FieldPool",
    "FieldType",
    "Group",
    "Impossible",
    "Inputs",
    "Law",
    "Maps",
    "Measured",
    "Network",
    "Options",
    "PlanarOptions",
    "Shape",
    "Split",
    "Task",
    "Trivial",
    "UserError",
    "act",
    "datasets",
    "families",
    "image_network",
    "image_shape",
    "irrep",
    "measurements",
    "of_images",
    "planar_network",
    "register_domain",
    "register_task",
    "regular",
    "trivial",
]
