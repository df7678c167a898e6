"""Seeds that choose and seeds that test: how many there are of either, and when a comparison is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Numbers of seeds at which a comparison is looked at, where nothing else is asked for.
LOOKS = (3, 5, 8, 12)


@dataclass(frozen=True)
class Seeding:
    """A plan of seeds whose number follows what they show.

    The first ``pilot`` seeds run with every strength and choose; the seeds after them test what was chosen, and are
    looked at when there are so many of them as in ``looks``. A difference that surely lies within ``margin`` (a share)
    of zero is called equal. Its text is what `parse` reads, and stands in every table.

    >>> str(Seeding(pilot=2, looks=(3, 5, 8, 12), margin=0.02))
    '2 choose, looks at 3 5 8 12, equal within 2 points'
    >>> Seeding.parse("1 choose, looks at 3 5, equal within 0.5 points").most
    6
    """

    pilot: int
    looks: tuple[int, ...]
    margin: float

    @property
    def most(self) -> int:
        """The most seeds of either kind together."""
        return self.pilot + self.looks[-1]

    def __str__(self) -> str:
        looks = " ".join(map(str, self.looks))
        return f"{self.pilot} choose, looks at {looks}, equal within {100 * self.margin:g} points"

    @classmethod
    def parse(cls, text: str) -> Seeding:
        """Return the plan of a text; ValueError if it is not one."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is no plan of seeds")
        pilot, looks, points = match.groups()
        return cls(int(pilot), tuple(map(int, looks.split())), float(points) / 100)


_TEXT = re.compile(r"(\d+) choose, looks at ([\d ]+), equal within ([\d.e+-]+) points")


def looks_between(least: int, most: int) -> tuple[int, ...]:
    """Return when to look: at the least and at the most seeds, and at those of `LOOKS` between them."""
    return tuple(sorted({least, *(look for look in LOOKS if least < look < most), most}))
