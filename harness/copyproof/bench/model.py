"""How fast the model splices, and how much memory an extent takes, in volumes of any size.

The mix is steady: half host writes and half copies between two volumes, of 1 to 2048 blocks of 512 bytes (log-uniform,
up to 1 MiB) anywhere. A small volume soon has as many extents as find room in it; in large ones their number keeps
growing. A splice costs what it touches, so copies that are long enough to fill 1 TiB cost more there than in 1 PiB.

The time is the processor's, for one thread that waits for nothing: a busy machine does not blur the ratio.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from time import process_time

from copyproof.bench.figures import Figure, Measured
from copyproof.model.controller import ReferenceModel, Transfer

SPLICES = 1_000_000
# Tracing every allocation is slow, and what an extent takes does not depend on how many there are.
TRACED = 100_000
SIZES = {"1 GiB": 2**30, "1 TiB": 2**40, "1 PiB": 2**50}
LEAST_A_SECOND = 50_000
MOST_BYTES = 400

_BLOCK, _LONGEST = 512, 2048
_FIRST, _SECOND = 1, 2
_BATCH = 10_000
_Operation = tuple[bool, Transfer]


@dataclass(frozen=True, slots=True)
class Run:
    """`splices` random splices took `seconds` and left `extents` extents; `allocated` bytes, where that was traced."""

    splices: int
    seconds: float
    extents: int
    allocated: int = 0


def measured(splices: int = SPLICES, traced: int = TRACED) -> Iterator[Measured]:
    """Give splices a second in each size, the large sizes beside one another, and bytes an extent.

    >>> [figure.name for figure in measured(splices=200, traced=200)][-1]
    'bytes an extent, 1 PiB'
    """
    runs = {name: spliced(size, splices) for name, size in SIZES.items()}
    for name, run in runs.items():
        told = f"splices, {name}, {run.extents} extents"
        yield Figure(told, run.splices / run.seconds, "1/s", "the least asked for", LEAST_A_SECOND, reach=1.0)
    tera, peta = runs["1 TiB"].seconds, runs["1 PiB"].seconds
    slower, faster = max(tera, peta), min(tera, peta)
    yield Figure(f"{splices} splices, slower of 1 TiB, 1 PiB", slower, "s", "the faster", faster, 1.3, most=True)
    for name in SIZES:
        run = allocated(SIZES[name], traced)
        held = run.allocated / run.extents
        yield Figure(f"bytes an extent, {name}", held, "B", "the most allowed", MOST_BYTES, reach=1.0, most=True)


def spliced(size: int, splices: int) -> Run:
    """Time random splices in two volumes of `size` bytes; choosing them is not timed."""
    blocks = size // _BLOCK
    model, random, seconds = ReferenceModel({_FIRST: blocks, _SECOND: blocks}), Random(size), 0.0
    for generation in range(0, splices, _BATCH):
        operations = [_operation(random, blocks) for _ in range(min(_BATCH, splices - generation))]
        started = process_time()
        _apply(model, operations, generation)
        seconds += process_time() - started
    return Run(splices, seconds, sum(len(model.pieces(volume, 0, blocks)) for volume in (_FIRST, _SECOND)))


def allocated(size: int, splices: int) -> Run:
    """Do the same and tell how many bytes Python allocated for the model and still holds (tracemalloc)."""
    blocks = size // _BLOCK
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        started = process_time()
        model, random = ReferenceModel({_FIRST: blocks, _SECOND: blocks}), Random(size)
        for generation in range(splices):
            _apply(model, [_operation(random, blocks)], generation)
        seconds = process_time() - started
        after, _ = tracemalloc.get_traced_memory()
    finally:
        if not tracing:
            tracemalloc.stop()
    extents = sum(len(model.pieces(volume, 0, blocks)) for volume in (_FIRST, _SECOND))
    return Run(splices, seconds, extents, after - before)


def _operation(random: Random, blocks: int) -> _Operation:
    count = int(_LONGEST ** random.random())
    source, destination = (_FIRST, _SECOND) if random.random() < 0.5 else (_SECOND, _FIRST)
    places = random.randrange(blocks - count), random.randrange(blocks - count)
    return random.random() < 0.5, Transfer(source, places[0], destination, places[1], count)


def _apply(model: ReferenceModel, operations: list[_Operation], generation: int) -> None:
    for number, (copies, transfer) in enumerate(operations, generation):
        if copies:
            model.copy(transfer)
        else:
            model.write(transfer.destination, transfer.destination_lba, transfer.blocks, number)
