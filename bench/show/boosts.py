"""What rounding costs the symmetry of an equivariant MLP, by the rapidity of a boost, in float32 and in float64."""

from __future__ import annotations

from collections.abc import Sequence

import seaborn as sns
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from bench.errors import UserError
from bench.execute.data import load_data
from bench.figures import style
from bench.geometry import domain
from bench.networks.matching import build
from bench.networks.network import Network
from bench.registry import families

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
MOST, WIDTH, SAMPLES = 8.0, 64.0, 256

Errors = dict[tuple[str, str], list[float]]


@torch.no_grad()
def errors(rapidities: Sequence[float], seed: int) -> Errors:
    """Return the equivariance errors of untrained networks on `lorentz`, by family and precision, one per rapidity.

    ||F(g x) - F(x)|| / ||F(x)|| of the outputs, which are scalars: the median over inputs, as one of them whose output
    is near zero would make most of a mean. UserError for rapidities outside of 0 to `MOST`.
    """
    for rapidity in rapidities:
        if not 0 <= rapidity <= MOST:
            raise UserError(f"--rapidity {rapidity:g} is none to show; accepted are 0 to {MOST:g}")
    data = load_data("lorentz", {})
    elements = domain("vectors").group("SO+(1,3)").probes({"rotation": (), "boost": rapidities})
    inputs = data.test.inputs[:SAMPLES] / data.rms
    of: Errors = {}
    for family in ("emlp", "mlp"):
        entry = families[family]
        for name, dtype in PRECISIONS.items():
            network = build(entry, entry.options(), data.shape, WIDTH, seed).to(dtype).eval()
            of[family, name] = [_error(network, inputs.to(dtype), g) for g in elements]
    return of


def _error(network: Network, inputs: Tensor, g: object) -> float:
    before, after = network(inputs), network(network.laws["input"].act(inputs, g))
    return float(((after - before).norm(dim=1) / before.norm(dim=1)).median())


def draw(rapidities: Sequence[float], of: Errors) -> Figure:
    """Return a picture of errors by rapidity: solid in float32, dashed in float64."""
    colours = dict(zip(("emlp", "mlp"), sns.color_palette("colorblind"), strict=False))
    with style.paper():
        figure = Figure(figsize=(3.4, 2.4), layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.subplots()
        for (family, name), values in of.items():
            dash = "-" if name == "float32" else "--"
            ax.plot(
                rapidities, values, dash, color=colours[family], marker="o", markersize=3, label=f"{family}, {name}"
            )
        ax.set(yscale="log", xlabel="rapidity of the boost", ylabel="relative error of the output")
        ax.legend(fontsize=6, loc="center right")
    return figure
