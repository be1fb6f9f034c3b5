"""What a target offers to random sequences of its pairs: volumes, couples to make of them, what is declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from copyproof.pairing.service import Declared
from copyproof.plugin.bench import NUMBERS, Bench
from copyproof.plugin.pairing import PRIMARIES, Couple, PairBench
from copyproof.targets.live import Role


@dataclass(frozen=True, slots=True)
class PairGround:
    """Numbers of the paired volumes with their sizes in blocks; `couples` are to be paired, `strange` ones only
    tried where that must be refused. `slot`
    is how many blocks are noted as changed together; `held` says that time passes only when it is asked for,
    `whole_groups` that an order for all pairs of a group is known by the number of the group."""

    volumes: tuple[tuple[int, int], ...]
    couples: tuple[Couple, ...]
    strange: tuple[Couple, ...]
    declared: Declared
    slot: int
    held: bool = False
    whole_groups: bool = True

    @property
    def blocks(self) -> int:
        """The blocks that all volumes have."""
        return min(blocks for _, blocks in self.volumes)


def survey_pairs(bench: Bench) -> PairGround | None:
    """Return what the target's pairs offer; None where it declares none, or has no way to their volumes."""
    pairs = bench.pairs
    if pairs is None:
        return None
    sizes = {role: bench.units[role].blocks for role in pairs.roles if _reached(bench, role)}
    couples = tuple(couple for couple in _couples(pairs) if sizes.keys() >= set(couple.roles))
    if not couples:
        return None
    return PairGround(
        volumes=tuple((NUMBERS[role], blocks) for role, blocks in sizes.items()),
        couples=couples,
        strange=tuple(couple for couple in _strange() if sizes.keys() >= set(couple.roles)),
        declared=pairs.declared,
        slot=pairs.model.slot,
        held=pairs.control is not None,
        # A vendor's programs call a group by a name that was given to certain pairs before.
        whole_groups=bench.spec.pairs is not None and bench.spec.pairs.way == "inband",
    )


def _reached(bench: Bench, role: Role) -> bool:
    return role in bench.units and bench.units[role].volume is not None


def _couples(pairs: PairBench) -> Iterator[Couple]:
    """One P-VOL with as many S-VOLs as there are, one more than it may have among them; and a second P-VOL."""
    for role in pairs.roles:
        if role not in PRIMARIES:
            yield Couple(Role.PRIMARY, role)
    yield Couple(Role.OTHER_PRIMARY, Role.OTHER_SECONDARY)


def _strange() -> Iterator[Couple]:
    yield Couple(Role.PRIMARY, Role.PRIMARY)
    yield Couple(Role.SECONDARY, Role.PRIMARY)
