"""One self-contained page from a results folder: the verdict, tables, interactive charts, cells, provenance."""

from bench.report.page import page, write

__all__ = ["page", "write"]
