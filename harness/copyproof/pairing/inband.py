"""Pairs by the vendor commands of the software array, sent to the P-VOL (docs/pair-commands.md)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from copyproof.errors import MalformedAnswer, TransportError, UsageError
from copyproof.pairing.service import (
    Answered,
    Declared,
    PairFault,
    PairRequest,
    PairStatus,
    PairVolume,
    Said,
    Shown,
    told_of,
    wait_for,
)
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.designator import Designator
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import PairState, SplitKind
from copyproof.scsi.pair_wire import PAIR, QUERY_HEADER, PairEntry, PairList, decode_pairs, pair_order, pair_query
from copyproof.scsi.sense import SenseKey
from copyproof.transport.base import Transport
from copyproof.transport.settled import need, settled

REFUSALS = (SenseKey.ILLEGAL_REQUEST, SenseKey.DATA_PROTECT)
"""Sense keys by which an array refuses an order; any other says that something went wrong."""

ROOM = QUERY_HEADER.size + 16 * PAIR.size
"""Bytes asked for first: a volume has seldom more pairs."""

MOST = 1 << 20
"""Bytes that a device may have to say about its pairs."""

_NONE = PairStatus(PairState.SMPL, PairState.SMPL)


class InBandPairs:
    """The pair service of an array that takes the vendor commands."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared

    @property
    def declared(self) -> Declared:
        """What the target's pairs can do."""
        return self._declared

    @property
    def lists(self) -> bool:
        """Whether the way has a display of its own, beside the query for one pair."""
        return True

    def order(self, request: PairRequest) -> Answered:
        """Send an order to the P-VOL; raises UsageError for values that do not fit their fields, PairFault for an
        answer that is neither GOOD nor a refusal."""
        path = path_to(request.primary)
        command = _command(request)
        sent = f"{path.name}: {command.cdb.hex()} < {command.data_out.hex()}"
        try:
            result = settled(path, command)
        except TransportError as problem:
            raise self._fault(request, str(problem), Said(sent, str(problem), "", 0.0)) from None
        said = Said(sent, str(Outcome.of(result)), "", result.duration)
        if not (result.good or _refused(result)):
            raise self._fault(request, f"{path.name}: {said.ended}", said)
        return Answered(result.good, said.ended, (said,), (command, result))

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        """Ask the P-VOL for a pair; raises DeviceError."""
        named = (primary.naa, secondary.naa)
        return next((_status(pair) for pair in pairs_at(path_to(primary)) if _names(pair) == named), _NONE)

    def display(self, volumes: Sequence[PairVolume]) -> Sequence[Shown]:
        """Ask each volume for the pairs in which it is the P-VOL, and list those whose S-VOL is among the volumes."""
        names = {volume.naa: volume.name for volume in volumes}
        return [
            Shown(volume.name, names[pair.secondary.naa], _status(pair))
            for volume in volumes
            if volume.transport is not None
            for pair in pairs_at(volume.transport)
            if pair.primary.naa == volume.naa and pair.secondary.naa in names
        ]

    def wait(
        self,
        primary: PairVolume,
        secondary: PairVolume,
        states: Collection[PairState],
        timeout: float,
        idle: Callable[[], None] | None = None,
    ) -> PairStatus:
        """Ask until the pair is in one of some states; raises DeviceError after `timeout` seconds."""
        return wait_for(lambda: self.status(primary, secondary), states, timeout, idle)

    def _fault(self, request: PairRequest, problem: str, said: Said) -> PairFault:
        told = told_of(lambda: self.status(request.primary, request.secondary))
        return PairFault(f"{request.command.value}: {problem}; the pair: {told}", (said,))


def path_to(volume: PairVolume) -> Transport:
    """Return the way to a volume; raises UsageError where there is none."""
    if volume.transport is None:
        raise UsageError(f"{volume.name} cannot be reached now, so nothing can be ordered of its pairs")
    return volume.transport


def _command(request: PairRequest) -> Command:
    primary, secondary = Designator.of_naa(request.primary.naa), Designator.of_naa(request.secondary.naa)
    quick = request.kind is SplitKind.QUICK
    try:
        body = PairList(primary, secondary, quick, request.whole_group, request.group, request.pace)
        return pair_order(request.command, body)
    except (ValueError, OverflowError) as problem:
        raise UsageError(f"{request.command.value}: {problem}") from None


def _refused(result: Result) -> bool:
    key = result.sense.key if result.sense else None
    return result.status is Status.RESERVATION_CONFLICT or key in REFUSALS


def pairs_at(path: Transport) -> tuple[PairEntry, ...]:
    """Return all pairs that a volume is in, asked a second time where they need more room; raises DeviceError."""
    data = _query(path, ROOM)
    length = QUERY_HEADER.decode(data)["length"] + 4 if len(data) >= QUERY_HEADER.size else 0
    if length > MOST:
        raise MalformedAnswer(f"{path.name}: {length} bytes of pairs are more than {MOST}")
    return decode_pairs(data if length <= len(data) else _query(path, length))


def _query(path: Transport, room: int) -> bytes:
    result = settled(path, pair_query(room))
    need(result, "asking for pairs", path.name)
    return result.data


def _names(pair: PairEntry) -> tuple[str, str]:
    return pair.primary.naa, pair.secondary.naa


def _status(pair: PairEntry) -> PairStatus:
    if pair.percent > 100:
        raise MalformedAnswer(f"PAIR QUERY: {pair.percent} percent copied")
    return PairStatus(
        primary_state=pair.state,
        secondary_state=pair.state,
        percent=pair.percent,
        group=pair.group,
        mirror=pair.mirror,
        generation=pair.generation,
        moved=pair.moved,
        pending=pair.pending,
    )
