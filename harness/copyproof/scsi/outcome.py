"""An outcome as the catalogue and the profiles write it, and as a device showed it.

>>> Outcome.parse("0A/0D/01>05/21/00").forwarded
'05/21/00'
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from copyproof.scsi.command import Result, Status
from copyproof.scsi.sense import Sense

_TRIPLE = "[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}"
_SENSE = re.compile(rf"(?P<own>{_TRIPLE})(?:>(?P<forwarded>{_TRIPLE}))?")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A status and, for CHECK CONDITION, key/ASC/ASCQ in hex; `forwarded` is the sense that a copy source or
    destination gave, with `??` for what was cut off on the way and `--` for what the device left out."""

    status: Status
    sense: str = ""
    forwarded: str = ""

    @classmethod
    def parse(cls, text: str) -> Outcome:
        """Read `GOOD`, `RESERVATION_CONFLICT`, `05/26/07` or `0A/0D/01>05/21/00`; raises ValueError for anything
        else."""
        if found := _SENSE.fullmatch(text):
            return cls(Status.CHECK_CONDITION, found["own"], found["forwarded"] or "")
        if text in Status.__members__ and text != Status.CHECK_CONDITION.name:
            return cls(Status[text])
        raise ValueError(f"{text!r} is no outcome: a status name, key/ASC/ASCQ in hex, or that with >key/ASC/ASCQ")

    @classmethod
    def of(cls, result: Result) -> Outcome:
        """Return what a device showed; a CHECK CONDITION without readable sense is `??/??/??`."""
        if result.status is not Status.CHECK_CONDITION:
            return cls(result.status)
        if result.sense is None:
            return cls(result.status, "??/??/??")
        return cls(result.status, str(result.sense), _forwarded(result.sense))

    def allows(self, seen: Outcome) -> bool:
        """Whether what was seen is this outcome; forwarded sense counts only where this outcome names it.

        Of forwarded sense whose ASCQ, and nothing else, was cut off on the way (see `in_part`), key and ASC are
        compared: sg_raw has room for 32 bytes, which in fixed format end right there.

        >>> Outcome.parse("0A/0D/01").allows(Outcome.parse("0A/0D/01>05/21/00"))
        True
        """
        same = self.status is seen.status and self.sense == seen.sense
        named = seen.forwarded[:-2] + self.forwarded[-2:] if seen.in_part else seen.forwarded
        return same and (not self.forwarded or self.forwarded == named)

    @property
    def in_part(self) -> bool:
        """Whether of the forwarded sense the ASCQ alone was cut off on the way, and is shown as `??`.

        >>> Outcome(Status.CHECK_CONDITION, "0A/0D/01", "05/21/??").in_part
        True
        """
        return self.forwarded.count("??") == 1

    def __str__(self) -> str:
        own = self.sense if self.status is Status.CHECK_CONDITION else self.status.name
        return f"{own}>{self.forwarded}" if self.forwarded else own


def _forwarded(sense: Sense) -> str:
    """Return the first sense data that the copy manager passes on, as far as it can be read, or an empty string."""
    return next((text for item in sense.forwarded if (text := str(item))), "")
