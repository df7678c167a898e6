"""What a check found, as one row of a file of JSON lines."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """A value that was measured on a ``subject``, and the ``limit`` that it may not pass; None: it is only told."""

    check: str
    subject: str
    measure: str
    value: float
    limit: float | None = None
    remark: str = ""

    @property
    def right(self) -> bool:
        """Whether nothing is wrong with it; a value that is no number is wrong where there is a limit."""
        return self.limit is None or (math.isfinite(self.value) and self.value <= self.limit)

    def json(self) -> str:
        """Return the row as one line of JSON, in which a value that is no number is null."""
        row = asdict(self) | {"right": self.right}
        row["value"] = self.value if math.isfinite(self.value) else None
        return json.dumps(row)

    @classmethod
    def parse(cls, line: str) -> Finding:
        """Return what `json` was given."""
        row = json.loads(line)
        row.pop("right")
        row["value"] = math.nan if row["value"] is None else row["value"]
        return cls(**row)
