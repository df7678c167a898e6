"""The command line: parses, calls, prints.

What is heavy (torch, pandas, matplotlib) is imported by the command that needs it, so that help comes at once.
"""

from bench.cli.app import main

# in the order in which help lists them
from bench.cli import runs, results, images, project  # isort: skip

__all__ = ["images", "main", "project", "results", "runs"]
