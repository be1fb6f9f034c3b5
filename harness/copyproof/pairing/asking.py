"""What a vendor's programs are asked: the state of a pair, all pairs, and which volumes a vendor's name means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from copyproof.errors import DeviceError, MalformedAnswer
from copyproof.pairing.filling import filled
from copyproof.pairing.programs import Programs
from copyproof.pairing.reading import status_in, status_of
from copyproof.pairing.service import PairStatus, PairVolume, Shown
from copyproof.pairing.setting import Setting
from copyproof.pairing.template import Listing, Question, Reading, Steps
from copyproof.scsi.pair import PairState


class Asking:
    """The questions of a template about the volumes of a target."""

    def __init__(self, setting: Setting, programs: Programs, volumes: Sequence[PairVolume]) -> None:
        self.setting, self.volumes = setting, volumes
        self._programs = programs

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        """Ask for a pair; raises DeviceError."""
        return self._ask(self.setting.template.status, self.setting.of_pair(primary, secondary))

    def membership(self, volume: PairVolume) -> PairStatus | None:
        """Ask for the state of a volume in whatever pair; None where the template has no way to. Raises DeviceError."""
        asked = self.setting.template.paired
        return self._ask(asked, self.setting.of_volume(volume)) if asked else None

    def listed(self) -> list[Shown] | None:
        """List the pairs of the target's volumes; None where the template has no way to. Raises DeviceError."""
        listing = self.setting.template.display
        return self._rows(listing) if listing else None

    def found(self, steps: Steps, pattern: str, timeout: float, values: dict[str, str], called: str) -> re.Match[str]:
        """Return what a pattern finds, in all its groups, in what programs say of something that is `called` so; raises
        MalformedAnswer."""
        ran = self._programs.run(self.setting.filled(steps, values), timeout)
        found = re.search(pattern, ran.text, re.MULTILINE)
        if ran.code or ran.problem or not found or None in found.groupdict().values():
            raise MalformedAnswer(f"identifying {called}: {ran.ended}")
        return found

    def _rows(self, listing: Listing) -> list[Shown]:
        setting = self.setting
        ran = self._programs.run(setting.filled(listing.steps, setting.common()), listing.timeout)
        if ran.code or ran.problem:
            raise DeviceError(f"listing the pairs: {ran.ended}")
        names = {filled(listing.called, setting.of_volume(volume)): volume.name for volume in self.volumes}
        return [
            Shown(names[row["primary"]], names[row["secondary"]], status_of(row, Reading(), listing.words))
            for row in re.finditer(listing.row, ran.text, re.MULTILINE)
            if row["primary"] in names and row["secondary"] in names
        ]

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
