"""The block map of a verified unit as the page draws it: a strip of stretches, a legend, and the same in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from copyproof.blocks.findings import Wrong
from copyproof.reports.text import plural, visible
from copyproof.verdicts.verification import MapRecord, UnitVerification, Verification

#: Kinds that say the same of a target share a colour: the words below the strip tell them apart.
_TONES = {
    "right": "right",
    Wrong.NOT_COPIED.value: "old",
    Wrong.STALE.value: "old",
    Wrong.NEWER.value: "old",
    Wrong.MISPLACED.value: "misplaced",
    Wrong.TORN.value: "spoilt",
    Wrong.FOREIGN.value: "spoilt",
    Wrong.ZERO.value: "spoilt",
    Wrong.DAMAGED.value: "spoilt",
    Wrong.LABEL_NOT_EXCHANGED.value: "label",
    Wrong.LABEL_WRONG.value: "label",
    Wrong.APPLICATION.value: "label",
    Wrong.GUARD.value: "label",
    Wrong.ESCAPE.value: "label",
    Wrong.UNREADABLE.value: "unreadable",
    Wrong.UNSOUGHT.value: "unreadable",
}
#: As they are drawn, one over the other, and listed: the most telling last on the strip and first in the legend.
TONES = ("unknown", "right", "label", "old", "misplaced", "spoilt", "unreadable")
_TOLD = 8
_SOUND = ("right", "unknown")


class Cell(NamedTuple):
    """A stretch of the strip: `start` and `share` in percent of its length."""

    tone: str
    start: float
    share: float
    title: str


def tone(state: str) -> str:
    """Return the colour class of a state; what this version does not know is drawn as unknown.

    >>> tone("torn"), tone("?")
    ('spoilt', 'unknown')
    """
    return _TONES.get(state, "unknown")


def strip(unit: UnitVerification) -> list[Cell]:
    """Return the stretches of a unit in the order in which they are to be drawn; what lies outside the unit is cut off.

    >>> unit = UnitVerification(role="source", blocks=8, map=[MapRecord(lba=2, count=2, state="zero")])
    >>> strip(unit)
    [Cell(tone='spoilt', start=25.0, share=25.0, title='LBA 2 to 3: zero')]
    """
    return sorted(_cells(unit), key=lambda cell: TONES.index(cell.tone))


def legend(verification: Verification) -> list[tuple[str, str]]:
    """Return (tone, word) of each state on any strip, the worst tone first."""
    states = dict.fromkeys(part.state for unit in verification.units for part in unit.map)
    return sorted(((tone(state), state) for state in states), key=lambda pair: -TONES.index(pair[0]))


def spoken(unit: UnitVerification) -> str:
    """Say what a strip shows, for whoever does not see it.

    >>> spoken(UnitVerification(role="source", blocks=8, map=[MapRecord(lba=2, count=2, state="zero")]))
    'Block map of the source unit, 8 blocks: LBA 2 to 3: zero'
    """
    bad = [part for part in unit.map if part.state not in _SOUND]
    said = [_title(part) for part in bad[:_TOLD]]
    said += [f"{plural(len(bad) - _TOLD, 'more stretch', 'more stretches')}"] if len(bad) > _TOLD else []
    found = "; ".join(said) or "no wrong blocks"
    return f"Block map of the {visible(unit.role)} unit, {plural(unit.blocks, 'block')}: {found}"


def _cells(unit: UnitVerification) -> Iterator[Cell]:
    for part in unit.map:
        first, end = max(0, part.lba), min(unit.blocks, part.lba + part.count)
        if first < end:
            start, share = 100 * first / unit.blocks, 100 * (end - first) / unit.blocks
            yield Cell(tone(part.state), start, share, _title(part))


def _title(part: MapRecord) -> str:
    return f"LBA {part.lba:,} to {part.lba + part.count - 1:,}: {visible(part.state)}"
