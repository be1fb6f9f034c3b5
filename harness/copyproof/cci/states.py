"""What a volume is and shows, as CCI says it: attribute, status and exit code."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from copyproof.cci.codes import CciError, Code
from copyproof.scsi.pair import PairState, VolumeRole
from copyproof.scsi.pair_wire import PairEntry

SHOWN: Mapping[PairState, str] = {
    PairState.SMPL: "SMPL",
    PairState.SMPL_PD: "SMPL",
    PairState.COPY: "COPY",
    PairState.PAIR: "PAIR",
    PairState.COPY_SP: "COPY",
    PairState.PSUS_SP: "PSUS",
    PairState.PSUS: "PSUS",
    PairState.COPY_RS: "COPY",
    PairState.RCPY: "RCPY",
    PairState.PSUE: "PSUE",
}
"""CCI's word for each state on the P-VOL; it has none of its own for those of the background. A pair that is being
deleted is still a pair, and shown as one that is SMPL."""

ATTRIBUTES: Mapping[VolumeRole, str] = {
    VolumeRole.SIMPLEX: "SMPL",
    VolumeRole.PRIMARY: "P-VOL",
    VolumeRole.SECONDARY: "S-VOL",
}

_PRECEDENCE = ("COPY", "RCPY", "SMPL", "PSUE", "PAIR", "PSUS")
"""What a group is of which the volumes differ: the first of these that one of them is (`pairvolchk -ss`)."""
_UNITS = {"COPY": 2, "RCPY": 2, "SMPL": 2, "PAIR": 3, "PSUS": 4, "PSUE": 5}
_SIMPLEX_CODE = 11


@dataclass(frozen=True, slots=True)
class Sight:
    """One side of a member as the array tells it: the volume's NAA and the pair that is meant, or that it is the S-VOL
    of; None where it is in neither."""

    naa: str
    pair: PairEntry | None

    @property
    def role(self) -> VolumeRole:
        """What the volume is in that pair."""
        if self.pair is None:
            return VolumeRole.SIMPLEX
        return VolumeRole.PRIMARY if self.pair.primary.naa == self.naa else VolumeRole.SECONDARY

    @property
    def status(self) -> str:
        """CCI's word for its state, on this side of the pair."""
        if self.pair is None:
            return "SMPL"
        word = SHOWN[self.pair.state]
        return "SSUS" if (word, self.role) == ("PSUS", VolumeRole.SECONDARY) else word

    @property
    def partner(self) -> str:
        """The NAA of the other volume of the pair, empty where there is none."""
        if self.pair is None:
            return ""
        return self.pair.secondary.naa if self.pair.primary.naa == self.naa else self.pair.primary.naa


def sight(naa: str, meant: str, pairs: Collection[PairEntry]) -> Sight:
    """Return how a volume stands, from pairs among which are all that it is in; `meant` is the other volume of the
    member."""
    both = {naa, meant}
    with_it = [pair for pair in pairs if {pair.primary.naa, pair.secondary.naa} == both]
    under_another = [pair for pair in pairs if pair.secondary.naa == naa]
    return Sight(naa, next(iter(with_it + under_another), None))


def one_role(sights: Sequence[Sight]) -> VolumeRole:
    """Return what all volumes of one side of a group are; raises CciError where they differ."""
    roles = {each.role for each in sights}
    if len(roles) == 1:
        return roles.pop()
    told = ", ".join(ATTRIBUTES[each.role] for each in sights)
    if VolumeRole.SIMPLEX in roles:
        raise CciError(Code.EX_ENQVOL, f"some volumes of the group are in pairs and some are not: {told}")
    raise CciError(Code.EX_INCSTG, f"the volumes on this side of the group are P-VOLs and S-VOLs: {told}")


def status_code(sights: Sequence[Sight]) -> tuple[str, int]:
    """Return the status of one side of a group and its exit code by `pairvolchk -ss`; raises CciError as `one_role`.

    >>> status_code([Sight("6020000000000000000000000000000a", None)])
    ('SMPL', 11)
    """
    role = one_role(sights)
    if role is VolumeRole.SIMPLEX:
        return "SMPL", _SIMPLEX_CODE
    words = {"PSUS" if each.status == "SSUS" else each.status for each in sights}
    word = next(known for known in _PRECEDENCE if known in words)
    shown = "SSUS" if (word, role) == ("PSUS", VolumeRole.SECONDARY) else word
    return shown, 10 * (role + 1) + _UNITS[word]
