"""A measured figure beside its peer or limit.

>>> print(Figure("compare 512 B", 5.6, "GB/s", peer="memcmp", peer_value=11.2, reach=0.45))
compare 512 B: 5.6 GB/s, 0.50 of memcmp (11.2 GB/s), reach 0.45: reached
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` and `peer_value` are in `unit`, both measured in this run unless the peer is a limit.

    `reach` is the ratio to its peer that the figure should have: at least that much, or at most where `most` is set;
    None where there is none.
    """

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    reach: float | None = None
    most: bool = False

    @property
    def ratio(self) -> float:
        """The figure as a share of its peer."""
        return self.value / self.peer_value

    @property
    def reached(self) -> bool:
        """Whether the ratio is what it should be; true where nothing is asked."""
        if self.reach is None:
            return True
        return self.ratio <= self.reach if self.most else self.ratio >= self.reach

    def __str__(self) -> str:
        told = f"{self.name}: {self.value:.3g} {self.unit}, {self.ratio:.2f} of {self.peer}"
        told += f" ({self.peer_value:.3g} {self.unit})"
        if self.reach is None:
            return told
        return f"{told}, reach {self.reach:g}: {'reached' if self.reached else 'not reached'}"


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A figure that could not be measured here, and why: it is shown, never left out."""

    name: str
    why: str


Measured = Figure | NotMeasured
Benchmark = Callable[[], Iterator[Measured]]


def best_of(times: int, work: Callable[[], object]) -> float:
    """Return the least of some runs' seconds: on a noisy machine the one that was disturbed least."""
    return min(seconds_of(work) for _ in range(times))


def seconds_of(work: Callable[[], object], clock: Callable[[], float] = perf_counter) -> float:
    """Return how long one run of some work takes by a clock that counts seconds."""
    started = clock()
    work()
    return clock() - started


def best_beside(times: int, *works: Callable[[], object]) -> tuple[float, ...]:
    """Return the least seconds of each of several works that take turns (see `least_in_turns`)."""
    return least_in_turns(times, *(partial(seconds_of, work) for work in works))


def least_in_turns(times: int, *clocks: Callable[[], float]) -> tuple[float, ...]:
    """Return the least of what each of several clocks tells; they take turns, and each begins as often as the others,
    so that what disturbs one disturbs its peers, and none always comes behind the same one."""
    least = [float("inf")] * len(clocks)
    for turn in range(times):
        for place in range(len(clocks)):
            which = (turn + place) % len(clocks)
            least[which] = min(least[which], clocks[which]())
    return tuple(least)
