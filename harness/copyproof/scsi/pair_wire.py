"""Pair commands on the wire: the software array's vendor commands, bytes ⇄ values (docs/pair-commands.md).

The operation code is vendor-specific, and its CDBs have ten bytes: that is what Linux takes for the command group of
C0h to DFh (`COMMAND_SIZE`), so that a longer one would lose its end on the way through a SCSI target.

>>> p, s = (Designator.of_naa(f"30000abc0000000{n}") for n in (1, 2))
>>> order = pair_order(PairCommand.SPLIT, PairList(p, s, quick=True))
>>> order.cdb.hex(), order.data_out[:12].hex()
('c1020000000000003800', '010100000000000001030008')
>>> PairList.decode(order.data_out) == PairList(p, s, quick=True)
True
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum

from copyproof.errors import MalformedAnswer
from copyproof.scsi.command import Command
from copyproof.scsi.copylist import DESIGNATOR_ROOM
from copyproof.scsi.designator import Designator
from copyproof.scsi.layout import Field, Layout, need
from copyproof.scsi.pair import PairCommand, PairState, VolumeRole

PAIR_OPCODE = 0xC1
VERSION = 1


class PairAction(IntEnum):
    """Service actions of the vendor's operation code, C1h."""

    CREATE = 0x00
    CREATE_SPLIT = 0x01
    SPLIT = 0x02
    SUSPEND = 0x03
    DELETE = 0x04
    RESYNC = 0x05
    RESTORE = 0x06
    QUERY = 0x10
    INVENTORY = 0x11

    @property
    def command(self) -> PairCommand | None:
        """The pair command that is ordered; None for the two that only ask."""
        return PairCommand.__members__.get(self.name)


#: The code of each state.
STATE_CODES = {
    PairState.SMPL: 0x00,
    PairState.SMPL_PD: 0x01,
    PairState.COPY: 0x02,
    PairState.PAIR: 0x03,
    PairState.COPY_SP: 0x04,
    PairState.PSUS_SP: 0x05,
    PairState.PSUS: 0x06,
    PairState.COPY_RS: 0x07,
    PairState.RCPY: 0x08,
    PairState.PSUE: 0x09,
}
STATES = {code: state for state, code in STATE_CODES.items()}

CDB = Layout(
    "cdb", 10, Field("opcode", 0), Field("action", 1, mask=0x1F), Field("all", 2, mask=0x01), Field("length", 5, 4)
)


def _designator(name: str, at: int) -> tuple[Field, ...]:
    """The fields of a designator, as in bytes 4 to 27 of an identification CSCD descriptor (SPC-4 table 135)."""
    return (
        Field(f"{name}.code_set", at, mask=0x0F),
        Field(f"{name}.association", at + 1, mask=0x30),
        Field(f"{name}.type", at + 1, mask=0x0F),
        Field(f"{name}.length", at + 3),
        Field(f"{name}.data", at + 4, DESIGNATOR_ROOM),
    )


PAIR_LIST = Layout(
    "pair list",
    56,
    Field("version", 0),
    Field("whole_group", 1, mask=0x02),
    Field("quick", 1, mask=0x01),
    Field("pace", 2),
    Field("group", 4, 2),
    *_designator("primary", 8),
    *_designator("secondary", 32),
)

QUERY_HEADER = Layout(
    "query header", 8, Field("length", 0, 4), Field("version", 4), Field("size", 5), Field("count", 6, 2)
)

PAIR = Layout(
    "pair descriptor",
    96,
    Field("state", 0),
    Field("role", 1, mask=0x03),
    Field("percent", 2),
    Field("mirror", 3),
    Field("group", 4, 2),
    Field("pace", 6),
    *_designator("primary", 8),
    *_designator("secondary", 32),
    Field("generation", 56, 4),
    Field("blocks", 64, 8),
    Field("pending", 72, 8),
    Field("differing", 80, 8),
    Field("moved", 88, 8),
)

INVENTORY_HEADER = Layout(
    "inventory header",
    32,
    Field("length", 0, 4),
    Field("version", 4),
    Field("raid", 5),
    Field("members", 6),
    Field("missing", 7),
    Field("cache_bytes", 8, 8),
    Field("slot_bytes", 16, 4),
    Field("grain_bytes", 20, 4),
    Field("secondaries", 24),
    Field("resignature", 25, mask=0x01),
    Field("size", 27),
    Field("count", 28, 4),
)

VOLUME = Layout(
    "volume descriptor",
    48,
    *_designator("volume", 0),
    Field("blocks", 24, 8),
    Field("block_size", 32, 4),
    Field("protection", 36, mask=0x03),
    Field("role", 37, mask=0x03),
    Field("number", 38, 2),
    Field("pairs", 40),
)


class MalformedPairList(ValueError):
    """A parameter list that is not well-formed: the byte, and the highest bit where it is not whole bytes."""

    def __init__(self, offset: int, bit: int | None = None) -> None:
        super().__init__(f"byte {offset}" + ("" if bit is None else f" bit {bit}"))
        self.offset, self.bit = offset, bit


@dataclass(frozen=True, slots=True)
class PairList:
    """The parameter list of a pair command, 56 bytes.

    `quick` is for splits: the S-VOL can be used at once. `whole_group` orders it of all pairs of the pair's consistency
    group. `group` (0 for none, 1 to 255) and `pace` (0 for the array's own, 1 to 15) are for a create.
    """

    primary: Designator
    secondary: Designator
    quick: bool = False
    whole_group: bool = False
    group: int = 0
    pace: int = 0

    def encode(self) -> bytes:
        """Return 56 bytes; raises ValueError when a value does not fit its field."""
        own = {name: int(getattr(self, name)) for name in ("quick", "whole_group", "group", "pace")}
        named = _put("primary", self.primary) | _put("secondary", self.secondary)
        return PAIR_LIST.encode({"version": VERSION} | own | named)

    @classmethod
    def decode(cls, raw: bytes) -> PairList:
        """Read 56 bytes; raises MalformedPairList for another version, a designator that is too long, and a
        reserved bit that is set."""
        values = PAIR_LIST.decode(raw)
        if values["version"] != VERSION:
            raise MalformedPairList(0)
        for field in (PAIR_LIST["primary.length"], PAIR_LIST["secondary.length"]):
            if values[field.name] > DESIGNATOR_ROOM:
                raise MalformedPairList(field.offset)
        read = cls(
            _get("primary", values),
            _get("secondary", values),
            quick=bool(values["quick"]),
            whole_group=bool(values["whole_group"]),
            group=values["group"],
            pace=values["pace"],
        )
        for offset, (given, meant) in enumerate(zip(raw, read.encode(), strict=True)):
            if given != meant:
                raise MalformedPairList(offset, (given ^ meant).bit_length() - 1)
        return read


@dataclass(frozen=True, slots=True)
class PairEntry:
    """A pair as PAIR QUERY tells it. `role` is that of the volume asked, `percent` 0 to 100, the rest of the numbers as
    in `docs/pair-commands.md`: blocks are counted by whole grains."""

    state: PairState
    role: VolumeRole
    percent: int
    mirror: int
    group: int
    pace: int
    primary: Designator
    secondary: Designator
    generation: int
    blocks: int
    pending: int
    differing: int
    moved: int


@dataclass(frozen=True, slots=True)
class VolumeEntry:
    """A volume as ARRAY INVENTORY tells it: `blocks` of `block_size` bytes, in so many `pairs`."""

    volume: Designator
    blocks: int
    block_size: int
    protection: int
    role: VolumeRole
    number: int
    pairs: int


@dataclass(frozen=True, slots=True)
class ArrayInventory:
    """What ARRAY INVENTORY tells: cache, slot and grain in bytes; `missing` counts failed members."""

    raid: int
    members: int
    missing: int
    cache_bytes: int
    slot_bytes: int
    grain_bytes: int
    secondaries: int
    resignature: bool
    volumes: tuple[VolumeEntry, ...]


def pair_order(command: PairCommand, order: PairList) -> Command:
    """Build a pair command; it goes to the P-VOL."""
    raw = order.encode()
    action = PairAction[command.name]
    return Command(CDB.encode({"opcode": PAIR_OPCODE, "action": action, "length": len(raw)}), data_out=raw)


def pair_query(allocation_length: int, everything: bool = False) -> Command:
    """Build PAIR QUERY: of the pairs of the volume that it goes to, or of all that the initiator sees."""
    head = {"opcode": PAIR_OPCODE, "action": PairAction.QUERY, "all": int(everything), "length": allocation_length}
    return Command(CDB.encode(head), data_in=allocation_length)


def array_inventory(allocation_length: int) -> Command:
    """Build ARRAY INVENTORY."""
    head = {"opcode": PAIR_OPCODE, "action": PairAction.INVENTORY, "length": allocation_length}
    return Command(CDB.encode(head), data_in=allocation_length)


def encode_pairs(entries: Iterable[PairEntry]) -> bytes:
    """Return the data of PAIR QUERY.

    >>> encode_pairs(()).hex()
    '0000000401600000'
    """
    body = [PAIR.encode(_values(entry) | {"state": STATE_CODES[entry.state]}) for entry in entries]
    head = {"length": 4 + PAIR.size * len(body), "version": VERSION, "size": PAIR.size, "count": len(body)}
    return QUERY_HEADER.encode(head) + b"".join(body)


def decode_pairs(raw: bytes) -> tuple[PairEntry, ...]:
    """Read the data of PAIR QUERY; raises MalformedAnswer, also where the allocation length cut it."""
    head = _head(QUERY_HEADER, raw, PAIR, "PAIR QUERY")
    return tuple(_pair(PAIR.decode(raw, QUERY_HEADER.size + at * head["size"])) for at in range(head["count"]))


def _pair(values: dict[str, int]) -> PairEntry:
    if values["state"] not in STATES:
        raise MalformedAnswer(f"PAIR QUERY: no pair state has the code {values['state']}")
    numbers = {field.name: values[field.name] for field in fields(PairEntry) if field.name in values}
    named = {"primary": _get("primary", values), "secondary": _get("secondary", values)}
    told = {"state": STATES[values["state"]], "role": _role(values)}
    return PairEntry(**{**numbers, **named, **told})  # type: ignore[arg-type]  # each field has its own type


def encode_inventory(inventory: ArrayInventory) -> bytes:
    """Return the data of ARRAY INVENTORY."""
    body = [VOLUME.encode(_values(entry)) for entry in inventory.volumes]
    own = {field.name: int(getattr(inventory, field.name)) for field in fields(inventory) if field.name != "volumes"}
    length = INVENTORY_HEADER.size - 4 + VOLUME.size * len(body)
    head = {"length": length, "version": VERSION, "size": VOLUME.size, "count": len(body)}
    return INVENTORY_HEADER.encode(head | own) + b"".join(body)


def decode_inventory(raw: bytes) -> ArrayInventory:
    """Read the data of ARRAY INVENTORY; raises MalformedAnswer, also where the allocation length cut it."""
    head = _head(INVENTORY_HEADER, raw, VOLUME, "ARRAY INVENTORY")
    own = {field.name: head[field.name] for field in fields(ArrayInventory) if field.name in head}
    starts = (INVENTORY_HEADER.size + at * head["size"] for at in range(head["count"]))
    volumes = tuple(_volume(VOLUME.decode(raw, start)) for start in starts)
    return ArrayInventory(**{**own, "resignature": bool(own["resignature"]), "volumes": volumes})  # type: ignore[arg-type]


def _volume(values: dict[str, int]) -> VolumeEntry:
    numbers = {field.name: values[field.name] for field in fields(VolumeEntry) if field.name in values}
    return VolumeEntry(**{**numbers, "volume": _get("volume", values), "role": _role(values)})  # type: ignore[arg-type]


def _head(layout: Layout, raw: bytes, entry: Layout, what: str) -> dict[str, int]:
    """Read a header whose descriptors are all there, each at least as long as is known."""
    need(raw, layout.size, what)
    head = layout.decode(raw)
    if head["version"] != VERSION or head["size"] < entry.size:
        raise MalformedAnswer(
            f"{what}: version {head['version']} with descriptors of {head['size']} bytes is not known"
        )
    need(raw, layout.size + head["size"] * head["count"], what)
    return head


def _role(values: dict[str, int]) -> VolumeRole:
    if values["role"] not in list(VolumeRole):
        raise MalformedAnswer(f"no role has the code {values['role']}")
    return VolumeRole(values["role"])


def _values(entry: PairEntry | VolumeEntry) -> dict[str, int]:
    """The fields of a descriptor by name, designators in their parts."""
    values: dict[str, int] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        values |= _put(field.name, value) if isinstance(value, Designator) else {}
        values |= {field.name: int(value)} if isinstance(value, int) else {}
    return values


def _put(name: str, named: Designator) -> dict[str, int]:
    if len(named.data) > DESIGNATOR_ROOM:
        raise ValueError(f"a designator of {DESIGNATOR_ROOM} bytes fits, not one of {len(named.data)}")
    return {
        f"{name}.code_set": named.code_set,
        f"{name}.association": named.association,
        f"{name}.type": named.type,
        f"{name}.length": len(named.data),
        f"{name}.data": int.from_bytes(named.data.ljust(DESIGNATOR_ROOM, b"\0"), "big"),
    }


def _get(name: str, values: dict[str, int]) -> Designator:
    room = values[f"{name}.data"].to_bytes(DESIGNATOR_ROOM, "big")
    code_set, association, kind = (values[f"{name}.{part}"] for part in ("code_set", "association", "type"))
    return Designator(code_set, association, kind, room[: values[f"{name}.length"]])
