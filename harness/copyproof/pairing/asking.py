"""What a vendor's programs are asked: the state of a pair, all pairs, and which volumes a vendor's name means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from copyproof.errors import DeviceError, MalformedAnswer, UsageError
from copyproof.pairing.programs import Programs
from copyproof.pairing.reading import excerpt, status_in, status_of
from copyproof.pairing.service import PairStatus, PairVolume, Shown
from copyproof.pairing.setting import Setting
from copyproof.pairing.template import Listing, Question, Reading, Steps
from copyproof.scsi.pair import PairState

STRANGER = "a stranger, "
"""How the name of a volume begins that is none of the target's; no role's does."""


class Asking:
    """The questions of a template about the volumes of a target."""

    def __init__(self, setting: Setting, programs: Programs, volumes: Sequence[PairVolume]) -> None:
        self.setting, self.volumes = setting, volumes
        self._programs = programs

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        """Ask for a pair; raises DeviceError."""
        return self._ask(self.setting.template.status, self.setting.of_pair(primary, secondary))

    def membership(self, primary: PairVolume, secondary: PairVolume) -> PairStatus | None:
        """Ask for the state of an S-VOL in whatever pair, before it gets this P-VOL; None where the template has no way
        to. Raises DeviceError."""
        asked, setting = self.setting.template.paired, self.setting
        return self._ask(asked, setting.of_volume(secondary) | setting.of_pair(primary, secondary)) if asked else None

    def listed(self) -> list[Shown] | None:
        """List the pairs that a volume of the target is in, with strangers too, which are called `STRANGER` and what
        the vendor calls them; None where the template has no way to. Raises DeviceError."""
        listing = self.setting.template.display
        return self._rows(listing) if listing else None

    def found(self, steps: Steps, pattern: str, timeout: float, values: dict[str, str], called: str) -> re.Match[str]:
        """Return what a pattern finds, in all its groups, in what programs say of something that is `called` so; raises
        MalformedAnswer, also where it finds several that are not alike."""
        found = self.all_found(steps, pattern, timeout, values, called)
        told = list(dict.fromkeys(", ".join(each.groupdict().values()) for each in found))
        if len(told) > 1:
            raise MalformedAnswer(f"identifying {called}: it is told as {excerpt(' and as '.join(told), 120)}")
        return found[0]

    def all_found(
        self, steps: Steps, pattern: str, timeout: float, values: dict[str, str], called: str
    ) -> list[re.Match[str]]:
        """Return each match of a pattern, as `found` does; there is one at least."""
        ran = self._programs.run(self.setting.filled(steps, values), timeout)
        found = list(re.finditer(pattern, ran.text, re.MULTILINE))
        if ran.code or ran.problem or not found or any(None in each.groupdict().values() for each in found):
            raise MalformedAnswer(f"identifying {called}: {ran.ended}")
        return found

    def _rows(self, listing: Listing) -> list[Shown]:
        setting = self.setting
        ran = self._programs.run(setting.filled(listing.steps, setting.common()), listing.timeout)
        if ran.code or ran.problem:
            raise DeviceError(f"listing the pairs: {ran.ended}")
        names = self.called(listing.called)
        shown = []
        for row in re.finditer(listing.row, ran.text, re.MULTILINE):
            primary, secondary = (self.name_of(row[end], names) for end in ("primary", "secondary"))
            if not (primary.startswith(STRANGER) and secondary.startswith(STRANGER)):
                shown.append(Shown(primary, secondary, status_of(row, Reading(), listing.words)))
        return shown

    def called(self, text: str) -> dict[str, str]:
        """Return the volumes' names by what the vendor calls them, in lower case; raises UsageError for two that it
        calls alike."""
        names: dict[str, str] = {}
        for volume in self.volumes:
            word = self.setting.text(text, self.setting.of_volume(volume)).lower()
            if names.setdefault(word, volume.name) != volume.name:
                raise UsageError(
                    f"{self.setting.target}: pairs.volumes: {names[word]} and {volume.name} are both {word}"
                )
        return names

    @staticmethod
    def name_of(word: str | None, names: Mapping[str, str]) -> str:
        """Return the name of a volume that the vendor calls so."""
        return names.get((word or "").lower(), f"{STRANGER}{excerpt(word or '', 40)}")

    def _ask(self, asked: Question, values: dict[str, str]) -> PairStatus:
        ran = self._programs.run(self.setting.filled(asked.steps, values), asked.timeout)
        if ran.problem or ran.run < ran.steps:
            raise DeviceError(f"asking for the state: {ran.ended}")
        return status_in(ran.text, ran.code, asked)


def paired(status: PairStatus) -> bool:
    """Whether there is a pair.

    >>> paired(PairStatus(PairState.SMPL, PairState.SMPL))
    False
    """
    return {status.primary_state, status.secondary_state} != {PairState.SMPL}
