"""The service that orders pairs of volumes and asks for their state, whatever the way to it.

>>> answered = Answered(False, "05/2C/00")
>>> answered.accepted, answered.said
(False, '05/2C/00')
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from copyproof.errors import CopyproofError, DeviceError
from copyproof.model.pair_rules import PairRules
from copyproof.scsi.command import Command, Result
from copyproof.scsi.pair import HostAccess, PairCommand, PairState, SplitKind
from copyproof.transport.base import Transport

POLL = 0.5
"""Seconds between two looks at a pair that is waited for."""
SPLITTING = (PairCommand.SPLIT, PairCommand.CREATE_SPLIT)
"""The commands that have a kind of split."""


@dataclass(frozen=True, slots=True)
class PairVolume:
    """A volume as a service knows it.

    `number` is the one by which model and stamps know it, `name` that of its role ("primary", "secondary-2"), `naa` in
    lower-case hex, `block_size` in bytes. `transport` leads to the unit; None where it is not there, as an S-VOL that
    exists only after a split. `node` is a block node, where it has one.
    """

    number: int
    name: str
    naa: str
    blocks: int
    block_size: int
    transport: Transport | None
    node: str = ""


@dataclass(frozen=True, slots=True)
class PairRequest:
    """An order. `kind` is for splits; `group` (0 for none) and `pace` (0 for the target's own, 1 slow to 15) for a
    create; `whole_group` orders it of all pairs of the consistency group that this pair is in."""

    command: PairCommand
    primary: PairVolume
    secondary: PairVolume
    kind: SplitKind = SplitKind.STEADY
    group: int = 0
    whole_group: bool = False
    pace: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """One command for the record: what was sent or run (a CDB in hex, or an argument list), how it ended ("GOOD",
    "exit 0"), an excerpt of what it printed or answered (printable characters only), and seconds."""

    what: str
    ended: str
    excerpt: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """How an order was answered: `said` is "GOOD", "05/2C/00", "exit 228: EX_INVSTP". Whether one that was accepted
    was taken with or without action is told by the pair's state. `proof` is what was sent, in order; `sent` the command
    to the P-VOL with its result, where it was ordered in band."""

    accepted: bool
    said: str
    proof: tuple[Said, ...] = ()
    sent: tuple[Command, Result] | None = None


class PairFault(DeviceError):
    """An order had no answer, or one that makes no sense; the message says which state the pair then really is in.
    `proof` is what was sent, in order: it may have been carried out in whole or in part."""

    def __init__(self, message: str, proof: tuple[Said, ...]) -> None:
        super().__init__(message)
        self.proof = proof


@dataclass(frozen=True, slots=True)
class PairStatus:
    """What a pair says of itself; both states are SMPL where there is none.

    `percent` copied is 0 to 100, `pending` and `moved` are in blocks; `mirror` is the pair's number among those of its
    P-VOL, from 0, `generation` the number of the split that the S-VOL's point in time is from. None: it does not say.
    """

    primary_state: PairState
    secondary_state: PairState
    percent: int | None = None
    group: int | None = None
    mirror: int | None = None
    generation: int | None = None
    moved: int | None = None
    pending: int | None = None

    def __str__(self) -> str:
        """Say it in a line.

        >>> print(PairStatus(PairState.COPY, PairState.COPY, percent=12))
        P-VOL COPY, S-VOL COPY, 12 %
        """
        percent = "" if self.percent is None else f", {self.percent} %"
        return f"P-VOL {self.primary_state.value}, S-VOL {self.secondary_state.value}{percent}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair as a display lists it, its volumes by name."""

    primary: str
    secondary: str
    status: PairStatus


class Existence(Enum):
    """When there is an S-VOL to be read."""

    ALWAYS = "always"
    SPLIT = "split"
    """Only while the pair is split."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a target's pairs can do, as its target file declares it.

    `states` are those that it has, `shows` what it shows some of them as, for want of a word of their own; `access` is
    what a host may do with P-VOL and S-VOL in each state; `slot` is how many bytes it notes as changed together;
    `progress` says that it tells a percentage, `paces` that it can be told how fast to copy, `refuses_unequal` that it
    refuses volumes of unequal size itself, `refuses_copies` a copy, too, to an S-VOL that hosts may not write.
    `only_in` are the states in which a command can be ordered at all, for each that cannot be in every state.
    """

    operations: frozenset[PairCommand] = frozenset(PairCommand)
    kinds: frozenset[SplitKind] = frozenset(SplitKind)
    only_in: Mapping[PairCommand, frozenset[PairState]] = field(default_factory=lambda: MappingProxyType({}))
    states: frozenset[PairState] = frozenset(PairState)
    shows: Mapping[PairState, PairState] = field(default_factory=lambda: MappingProxyType({}))
    access: Mapping[PairState, tuple[HostAccess, HostAccess]] = field(default_factory=lambda: MappingProxyType({}))
    secondary_exists: Existence = Existence.ALWAYS
    secondaries: int = 3
    groups: bool = True
    generations: bool = True
    resignature: bool = False
    slot: int = 256 * 1024
    progress: bool = True
    paces: bool = True
    refuses_unequal: bool = True
    refuses_copies: bool = True
    rules: PairRules = field(default_factory=PairRules)

    def shown(self, state: PairState) -> PairState:
        """Return what a pair in a state shows.

        >>> Declared(shows={PairState.COPY_SP: PairState.COPY}).shown(PairState.COPY_SP).value
        'COPY'
        """
        return self.shows.get(state, state)

    def ended(self, status: PairStatus, state: PairState, then: PairState) -> bool:
        """Whether a status tells that a pair in a state has gone on to what follows it by itself; where both are shown
        as the same, by the percentage.

        >>> quick = Declared(shows={PairState.PSUS_SP: PairState.PSUS})
        >>> half = PairStatus(PairState.PSUS, PairState.PSUS, percent=50)
        >>> quick.ended(half, PairState.PSUS_SP, PairState.PSUS)
        False
        """
        if status.primary_state is not self.shown(then):
            return False
        return self.shown(state) is not self.shown(then) or status.percent == 100

    def offers(self, command: PairCommand, state: PairState) -> bool:
        """Whether a command can be ordered in a state, whatever the answer is.

        >>> Declared(only_in={PairCommand.SPLIT: frozenset()}).offers(PairCommand.SPLIT, PairState.PAIR)
        False
        """
        return command in self.operations and state in self.only_in.get(command, frozenset(PairState))

    def takes(self, command: PairCommand, kind: SplitKind) -> bool:
        """Whether a command can be ordered with a kind of split, which is nothing to those that split no pair.

        >>> quick = Declared(kinds=frozenset({SplitKind.QUICK}))
        >>> [quick.takes(command, SplitKind.STEADY) for command in (PairCommand.SPLIT, PairCommand.RESYNC)]
        [False, True]
        """
        return command in self.operations and (command not in SPLITTING or kind in self.kinds)

    def there(self, status: PairStatus) -> bool:
        """Whether an S-VOL is there in what a pair shows, so that a host may at least read it."""
        state = status.secondary_state
        if self.secondary_exists is Existence.SPLIT:
            return state in (PairState.PSUS, PairState.PSUS_SP)
        return state not in self.access or self.access[state][1] > HostAccess.NONE


class Presence(Protocol):
    """Makes an S-VOL that is there only in some states, as while its pair is split, appear and vanish; by name."""

    def appear(self, name: str) -> None:
        """Map it, after a split; nothing happens where it is mapped. Raises DeviceError."""
        ...

    def vanish(self, name: str) -> None:
        """Unmap it, before any order but a split or a suspension; nothing happens where it is not mapped. Raises
        DeviceError."""
        ...


class PairService(Protocol):
    """Orders pairs and asks for them."""

    @property
    def declared(self) -> Declared:
        """What the target's pairs can do."""
        ...

    @property
    def lists(self) -> bool:
        """Whether the way has a display of its own, beside the query for one pair."""
        ...

    def order(self, request: PairRequest) -> Answered:
        """Order it, and return once it is answered, while the copying goes on.

        Raises UsageError for what the way cannot express or must not run, PairFault where no answer came or where
        the answer makes no sense, other DeviceErrors where nothing was ordered yet.
        """
        ...

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        """Ask for a pair; SMPL where there is none. Raises DeviceError."""
        ...

    def display(self, volumes: Sequence[PairVolume]) -> Sequence[Shown]:
        """List the pairs among some volumes. Raises DeviceError."""
        ...

    def wait(
        self,
        primary: PairVolume,
        secondary: PairVolume,
        states: Collection[PairState],
        timeout: float,
        idle: Callable[[], None] | None = None,
    ) -> PairStatus:
        """Ask until the pair, by its P-VOL, is in one of some states; `idle` is called between two looks, and sleeps
        for `POLL` seconds where none is given. Raises DeviceError after `timeout` seconds, with the real state."""
        ...


def wait_for(
    ask: Callable[[], PairStatus],
    states: Collection[PairState],
    timeout: float,
    idle: Callable[[], None] | None = None,
) -> PairStatus:
    """Ask until a pair is in one of some states, as `PairService.wait` does.

    >>> wait_for(lambda: PairStatus(PairState.COPY, PairState.COPY), {PairState.PAIR}, 0)
    Traceback (most recent call last):
        ...
    copyproof.errors.DeviceError: the pair is not in PAIR after 0 s: P-VOL COPY, S-VOL COPY
    """
    end = time.monotonic() + timeout
    while (seen := ask()).primary_state not in states:
        if time.monotonic() >= end:
            meant = " or ".join(sorted(state.value for state in states))
            raise DeviceError(f"the pair is not in {meant} after {round(timeout, 2):g} s: {seen}")
        (idle or _pause)()
    return seen


def told_of(ask: Callable[[], PairStatus]) -> str:
    """Return what a pair says of itself for a message about something else, or why it cannot be told."""
    try:
        return str(ask())
    except CopyproofError as problem:
        return f"cannot be asked: {problem}"


def _pause() -> None:
    time.sleep(POLL)
