"""How fast the software array is: an initial copy inside it beside memcpy, reads by TCMU beside LIO's own fileio."""

from __future__ import annotations

from collections.abc import Iterator

from copyproof.bench import initial_copy, reads
from copyproof.bench.figures import Measured, NotMeasured
from copyproof.errors import CopyproofError


def measured() -> Iterator[Measured]:
    """Give both; what keeps the one from being measured does not keep the other."""
    for part in (initial_copy, reads):
        try:
            yield from part.measured()
        except CopyproofError as problem:
            yield NotMeasured(part.NAME, str(problem))
