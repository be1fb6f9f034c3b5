"""pairdisplay: a line for each side of each pair, for people and, with -CLI, for programs.

>>> row = Row("oradb", "dev1", "L", "6", "P-VOL", "COPY", "12", "7", "-")
>>> print(*lines([row], Form(copied=True)), sep="\\n")
Group   PairVol(L/R) (Port#,TID, LU-M) ,Seq#,LDEV#.P/S,Status,   % ,P-LDEV# M
oradb   dev1(L)      (-, -, -) ,-,6.P-VOL COPY,  12 ,7 -
>>> print(*lines([row], Form(table=True)), sep="\\n")
Group PairVol L/R Port# TID LU-M Seq# LDEV# P/S   Status Seq# P-LDEV# M
oradb dev1    L   -     -   -    -    6     P-VOL COPY   -    7       -
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from copyproof.cci.array import Array
from copyproof.cci.horcm import Member
from copyproof.cci.states import ATTRIBUTES, Sight, sight
from copyproof.scsi.pair import VolumeRole

NOTHING = "-"
"""For what the array does not tell: ports, and a serial number of its own."""


@dataclass(frozen=True, slots=True)
class Form:
    """How pairs are displayed: `copied` in percent, volume numbers in `hexadecimal`, as a `table` for programs."""

    copied: bool = False
    hexadecimal: bool = False
    table: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One side of a pair, in CCI's words. `mark` is W for a P-VOL whose S-VOL is split and can be written."""

    group: str
    device: str
    side: str
    number: str
    attribute: str
    status: str
    percent: str
    partner: str
    mark: str
    mirror: str = NOTHING


def rows(array: Array, members: Sequence[Member], form: Form) -> Iterator[Row]:
    """Give both sides of each member; raises CciError, DeviceError."""
    numbers = array.numbers(members[0].local)
    # Asked once, so that both sides of a pair show one moment.
    pairs = array.everything(members[0].local)
    for member in members:
        for side, naa, other in (("L", member.local, member.remote), ("R", member.remote, member.local)):
            yield _row(member, side, sight(naa, other, pairs), numbers, form)


def _row(member: Member, side: str, seen: Sight, numbers: Mapping[str, int], form: Form) -> Row:
    paired = seen.pair
    split = (seen.role, seen.status) == (VolumeRole.PRIMARY, "PSUS")
    return Row(
        member.group,
        member.device,
        side,
        _number(numbers, seen.naa, form),
        ATTRIBUTES[seen.role],
        seen.status if paired else NOTHING,
        str(paired.percent) if paired else NOTHING,
        _number(numbers, seen.partner, form) if paired else NOTHING,
        "W" if split else NOTHING,
        str(paired.mirror) if paired else NOTHING,
    )


def _number(numbers: Mapping[str, int], naa: str, form: Form) -> str:
    if naa not in numbers:
        return NOTHING
    return f"{numbers[naa]:x}" if form.hexadecimal else str(numbers[naa])


def lines(shown: Sequence[Row], form: Form) -> Iterator[str]:
    """Give the heading and a line for each row."""
    yield from _table(shown, form) if form.table else _text(shown, form)


def _text(shown: Sequence[Row], form: Form) -> Iterator[str]:
    middle = "   % " if form.copied else "Seq#"
    yield f"Group   PairVol(L/R) (Port#,TID, LU-M) ,Seq#,LDEV#.P/S,Status,{middle},P-LDEV# M"
    for row in shown:
        volume = f"{row.group:<7} {f'{row.device}({row.side})':<12} {_port(row)} ,{NOTHING},{row.number}"
        if row.attribute == "SMPL":
            yield f"{volume}.SMPL ----,{'-----' if form.copied else '----'} ,---- {row.mark}"
            continue
        between = f"{row.percent:>4} " if form.copied else NOTHING
        yield f"{volume}.{row.attribute} {row.status},{between},{row.partner} {row.mark}"


def _port(row: Row) -> str:
    return f"({NOTHING}, {NOTHING}, {_unit(row)})"


def _unit(row: Row) -> str:
    """The LUN, which the array does not tell, and the pair's number among those of its P-VOL."""
    return NOTHING if row.mirror == NOTHING else f"-{row.mirror}"


def _table(shown: Sequence[Row], form: Form) -> Iterator[str]:
    before_partner = "%" if form.copied else "Seq#"
    heads = ("Group", "PairVol", "L/R", "Port#", "TID", "LU-M", "Seq#", "LDEV#", "P/S", "Status", before_partner)
    cells = [(*heads, "P-LDEV#", "M"), *(_cells(row, form) for row in shown)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        yield " ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cells(row: Row, form: Form) -> tuple[str, ...]:
    at = (NOTHING, NOTHING, _unit(row), NOTHING)
    between = row.percent if form.copied else NOTHING
    volume = (row.group, row.device, row.side, *at, row.number, row.attribute, row.status)
    return (*volume, between, row.partner, row.mark)
