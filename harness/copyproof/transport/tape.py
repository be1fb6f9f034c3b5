"""Tapes: the commands of a run and the host's stamped writes, as JSON Lines (`copyproof.tape/1`).

The first line is a `Header`, each further one an event: a `Sent` command, a `Stamped` write or one of other bytes
(`Written`), blocks that were `Looked` at, or that a pair's copying was `Waited` for. A line is written when its event
is over, in one piece, so that a crash leaves all that went before. Byte strings are lower-case hex, times seconds,
LBAs and counts blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from copyproof import errors
from copyproof.blocks.origin import GENERATIONS, LBAS, SEEDS, VOLUMES, ZEROS, Content, Origin, lba_range
from copyproof.errors import CopyproofError, TransportError, UsageError, printable
from copyproof.scsi.cdb import opcode_name
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.sense import decode_sense
from copyproof.transport.sg3 import CDB_LEAST, CDB_MOST, DATA_MOST

SCHEMA = "copyproof.tape/1"
Count = Annotated[int, msgspec.Meta(ge=0, le=LBAS - 1)]
RoleName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z")]
#: Two hex digits a byte; what is longer is not even decoded.
Data = Annotated[str, msgspec.Meta(max_length=2 * DATA_MOST)]
TICKS_MOST = 1 << 16
T = TypeVar("T")


class TapeUnit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One unit of the recorded target; `number` is the one by which stamps know it, `naa` of 8 or 16 bytes, or none."""

    role: RoleName
    naa: Annotated[str, msgspec.Meta(pattern=r"^(([0-9a-f]{16}){1,2})?\Z")]
    blocks: Count
    block_size: Count
    number: Annotated[int, msgspec.Meta(ge=0, lt=VOLUMES)]
    protection: Count = 0


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Which target was recorded, and with which seed (0 to 2^64 − 1) its stamps were made."""

    schema: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}\Z")] = SCHEMA
    target: str
    seed: Annotated[int, msgspec.Meta(ge=0)]
    units: tuple[TapeUnit, ...]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The error that a command ended in, by its class and its words."""

    kind: Annotated[str, msgspec.Meta(pattern=r"^\w{1,64}\Z")]
    text: str

    def error(self, where: str) -> CopyproofError:
        """Return the error as it was; one that this project has no class for is a TransportError."""
        kind = getattr(errors, self.kind, TransportError)
        known = isinstance(kind, type) and issubclass(kind, CopyproofError)
        return (kind if known else TransportError)(f"{where}: {self.text}")


class Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="command", tag_field="event"):
    """One command to the unit in a role, and either its result or its failure. `status` is a name of SAM-5's."""

    role: RoleName
    cdb: str
    data_out: Data = ""
    data_in: Annotated[int, msgspec.Meta(ge=0, le=DATA_MOST)] = 0
    timeout: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    status: str = ""
    sense: str = ""
    data: Data = ""
    residual: int = 0
    duration: float = 0.0
    failure: Failure | None = None

    @property
    def command(self) -> Command:
        """The command as it was sent."""
        return Command(bytes.fromhex(self.cdb), bytes.fromhex(self.data_out), self.data_in)

    @property
    def result(self) -> Result:
        """The result; to be asked only where there is no failure."""
        sense = decode_sense(bytes.fromhex(self.sense))
        return Result(Status[self.status], sense, bytes.fromhex(self.data), self.residual, self.duration)

    def __str__(self) -> str:
        return f"{opcode_name(self.command.cdb)} to {self.role}"


class Stamped(msgspec.Struct, frozen=True, kw_only=True, tag="write", tag_field="event"):
    """The host wrote stamped blocks of one generation."""

    role: RoleName
    lba: Count
    count: Count
    generation: Annotated[int, msgspec.Meta(ge=0, lt=GENERATIONS)]


class Written(msgspec.Struct, frozen=True, kw_only=True, tag="bytes", tag_field="event"):
    """The host wrote other blocks than stamped ones, `count` of them."""

    role: RoleName
    lba: Count
    count: Annotated[int, msgspec.Meta(ge=1, le=LBAS - 1)]
    data: Data

    @property
    def octets(self) -> bytes:
        """The bytes of all blocks; raises ValueError for what is not hex."""
        return bytes.fromhex(self.data)


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What a stamped block says of itself: from which volume (by its number) and LBA it is, of which generation."""

    volume: Annotated[int, msgspec.Meta(ge=0, lt=VOLUMES)]
    lba: Annotated[int, msgspec.Meta(ge=0, lt=LBAS // 2)]
    generation: Annotated[int, msgspec.Meta(ge=0, lt=GENERATIONS)]


class Looked(msgspec.Struct, frozen=True, kw_only=True, tag="look", tag_field="event"):
    """Blocks were read back and judged: what each of them may hold, as the first of them has it; stamps go up with the
    LBA. It says what was due, not what was found."""

    role: RoleName
    lba: Count
    count: Annotated[int, msgspec.Meta(ge=1, le=LBAS - 1)]
    allowed: Annotated[tuple[Stamp | Literal["zeros"], ...], msgspec.Meta(min_length=1)]

    @property
    def contents(self) -> tuple[Content, ...]:
        """What the first of the blocks may hold."""
        return tuple(ZEROS if one == "zeros" else Origin(one.volume, one.lba, one.generation) for one in self.allowed)

    def __str__(self) -> str:
        return f"{self.role} {lba_range(self.lba, self.count)}"


class Waited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="wait", tag_field="event"):
    """Time was let pass for pairs, which else stands still on a target where it can be stopped: until nothing is under
    way of the pair of the P-VOL and the S-VOL in two roles or, where there is no S-VOL's, so many ticks."""

    role: RoleName
    secondary: RoleName | Literal[""] = ""
    ticks: Annotated[int, msgspec.Meta(ge=0, le=TICKS_MOST)] = 0

    def __str__(self) -> str:
        return f"the wait for {self.role} and {self.secondary}" if self.secondary else f"{self.ticks} ticks"


def looked(role: str, lba: int, count: int, contents: Iterable[Content]) -> Looked:
    """Return what a tape keeps of blocks that were judged.

    >>> looked("source", 0, 8, (ZEROS,)).allowed
    ('zeros',)
    """
    return Looked(role=role, lba=lba, count=count, allowed=tuple(map(_allowed, contents)))


def _allowed(content: Content) -> Stamp | Literal["zeros"]:
    if isinstance(content, Origin):
        return Stamp(volume=content.volume, lba=content.lba, generation=content.generation)
    return "zeros"


Event = Sent | Stamped | Written | Looked | Waited
_HEADER = msgspec.json.Decoder(Header)
_EVENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A tape that was read. `cut` says that its last line is not whole, as a crash leaves it; that line is left out."""

    name: str
    header: Header
    events: tuple[Event, ...]
    cut: bool = False

    def unit(self, role: str) -> TapeUnit:
        """Return the unit in a role; raises UsageError where the tape has none."""
        for unit in self.header.units:
            if unit.role == role:
                return unit
        raise UsageError(f"{self.name}: there is no {role} unit in its header")


def roles_of(event: Event) -> tuple[str, ...]:
    """Return the roles of the units that an event is about.

    >>> roles_of(Waited(role="primary", secondary="secondary"))
    ('primary', 'secondary')
    """
    return (event.role, event.secondary) if isinstance(event, Waited) and event.secondary else (event.role,)


def sent(role: str, command: Command, timeout: float, result: Result | None, failure: Failure | None = None) -> Sent:
    """Return what a tape keeps of one command.

    >>> sent("source", Command(bytes(6)), 30.0, Result(Status.GOOD)).status
    'GOOD'
    """
    return Sent(
        role=role,
        cdb=command.cdb.hex(),
        data_out=command.data_out.hex(),
        data_in=command.data_in,
        timeout=timeout,
        status=result.status.name if result else "",
        sense=result.sense.raw.hex() if result and result.sense else "",
        data=result.data.hex() if result else "",
        residual=result.residual if result else 0,
        duration=result.duration if result else 0.0,
        failure=failure,
    )


class TapeWriter:
    """A tape that is being written, once `recording` has begun; before that nothing is touched."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: FileIO | None = None

    @contextmanager
    def recording(self, header: Header) -> Iterator[None]:
        """Begin a tape, in place of one that may be there; raises UsageError when it cannot be written."""
        try:
            self._file = FileIO(self.path, "w")
        except OSError as problem:
            raise self._unwritable(problem) from None
        try:
            self._put(header)
            yield
        finally:
            self._file.close()
            self._file = None

    def add(self, event: Event) -> None:
        """Write one line; outside `recording` nothing is written. Raises UsageError when it cannot be."""
        if self._file is not None:
            self._put(event)

    def _put(self, value: Header | Event) -> None:
        assert self._file is not None
        try:
            # One call a line: threads do not mix theirs, and a crash leaves whole ones.
            self._file.write(msgspec.json.encode(value) + b"\n")
        except OSError as problem:
            raise self._unwritable(problem) from None

    def _unwritable(self, problem: OSError) -> UsageError:
        return UsageError(f"the tape {self.path} cannot be written: {problem.strerror}; name another file")


def read(path: Path) -> Recorded:
    """Read a tape; raises UsageError, with the line, for what is none."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as problem:
        raise UsageError(f"{path}: cannot be read as a tape: {problem.strerror}") from None
    cut = lines.pop() != b""
    return parse(str(path), lines, cut=cut)


def parse(name: str, lines: Iterable[bytes], *, cut: bool = False) -> Recorded:
    """Return the tape that some lines are; raises UsageError, with the line, for what is none.

    >>> parse("t", [b'{"schema": "copyproof.tape/2", "target": "x", "seed": 1, "units": []}'])
    Traceback (most recent call last):
        ...
    copyproof.errors.UsageError: t: line 1: the schema is copyproof.tape/2; this version reads copyproof.tape/1
    """
    numbered = iter(enumerate(lines, start=1))
    number, first = next(numbered, (1, b""))
    header = _decoded(f"{name}: line {number}", first, _HEADER)
    if header.schema != SCHEMA:
        raise UsageError(f"{name}: line 1: the schema is {header.schema}; this version reads {SCHEMA}")
    _need_sound(header, f"{name}: line 1")
    roles = {unit.role for unit in header.units}
    return Recorded(name, header, tuple(_event(f"{name}: line {at}", line, roles) for at, line in numbered), cut)


def _need_sound(header: Header, where: str) -> None:
    """Raise UsageError for what no field by itself tells."""
    if header.seed >= SEEDS:
        raise UsageError(f"{where}: the seed is {header.seed}; it must be a whole number from 0 to {SEEDS - 1}")
    for what, values in (("role", [unit.role for unit in header.units]), ("NAA", [unit.naa for unit in header.units])):
        twice = [value for value in values if value and values.count(value) > 1]
        if twice:
            raise UsageError(f"{where}: two units have the {what} {twice[0]}")


def _event(where: str, line: bytes, roles: set[str]) -> Event:
    event = _decoded(where, line, _EVENT)
    for role in roles_of(event):
        if role not in roles:
            raise UsageError(f"{where}: the header names no {role!r} unit")
    try:
        if isinstance(event, Sent):
            _look_through(event)
    except (ValueError, KeyError) as problem:
        raise UsageError(f"{where}: this is no command with its result: {problem}") from None
    try:
        if isinstance(event, Written):
            _ = event.octets
    except ValueError as problem:
        raise UsageError(f"{where}: these are no bytes that were written: {problem}") from None
    return event


def _look_through(event: Sent) -> None:
    """Read what is hex or a name; raises ValueError or KeyError."""
    if not CDB_LEAST <= len(event.command.cdb) <= CDB_MOST:
        raise ValueError(f"a CDB has {CDB_LEAST} to {CDB_MOST} bytes, not {len(event.command.cdb)}")
    if event.failure is None:
        assert event.result


def _decoded(where: str, line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        # The words may quote the line, whatever that does to a terminal.
        raise UsageError(f"{where}: {printable(str(problem))}; a tape is written by --hil-tape=FILE") from None
