"""What this installation is, what it lacks, and how to get it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "torch", "numpy", "scipy", "pandas", "pandera", "pyarrow", "pydantic", "pooch", "scikit-learn", "matplotlib",
    "seaborn", "e2cnn", "typer", "rich", "filelock", "psutil", "PyYAML", "pillow",
)  # fmt: skip


def report() -> tuple[list[str], bool]:
    """Return the lines of the report, and whether nothing that a suite may need is missing from the installation."""
    libraries = {library: _version(library) for library in LIBRARIES}
    lines = [f"python: {sys.version.split()[0]} at {sys.executable}"]
    lines += [f"{name}: {release or f'missing; python -m pip install {name}'}" for name, release in libraries.items()]
    if not all(libraries.values()):
        return lines, False
    return [*_machine(), *lines, *_data()], True


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _machine() -> Iterator[str]:
    import torch

    from bench.execute.provenance import provenance
    from bench.run import default_workers

    facts = provenance(torch.device("cpu"))
    yield f"equivaug: {facts['version']}, commit {facts['commit'] or 'unknown (not run from a repository)'}"
    yield f"device: {facts['device']}, {default_workers('cpu')} cores to use, {torch.get_num_threads()} threads"
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield f"device: cuda:{index}, {properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if not torch.cuda.is_available():
        yield "device: no CUDA device that this torch can use; --device cpu is the default then"


def _data() -> Iterator[str]:
    from bench.data.cache import data_folder
    from bench.registry import datasets

    folder = data_folder()
    named = bool(os.environ.get("EQUIVAUG_DATA"))
    origin = "from EQUIVAUG_DATA" if named else "EQUIVAUG_DATA names another"
    unmade = ", where there is no folder: make it, or name another" if named else ", made by the first download"
    yield f"data folder: {folder} ({origin}){'' if folder.is_dir() else unmade}"
    for entry in datasets:
        absent = [file.name for file in entry.files if not file.path.exists()]
        own = [name for name, field in entry.options.model_fields.items() if field.is_required()]
        if absent:
            state = f"missing {', '.join(absent)}; equivaug data fetch {entry.name}"
        elif entry.package and not entry.comes_along:
            state = f"missing the package {entry.package}; {entry.summary}"
        elif entry.files or entry.package:
            state = "present"
        else:
            state = f"your own files, named by {', '.join(own)}" if own else "comes with the installation"
        yield f"data {entry.name}: {state}"
