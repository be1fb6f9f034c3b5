"""How a pair is brought from SMPL to each of its states, by the orders that a target declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from copyproof.pairing.service import Declared
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from copyproof.targets.live import Role

if TYPE_CHECKING:
    from copyproof.plugin.pair import Pair

SLOW = 1
"""The slowest pace, so that the copy front can be met."""


@dataclass(frozen=True, slots=True)
class Give:
    """Order something of a pair."""

    command: PairCommand
    kind: SplitKind = SplitKind.STEADY
    pace: int = 0

    def __call__(self, pair: Pair) -> None:
        """Order it."""
        pair.order(self.command, self.kind, pace=self.pace)


Step: TypeAlias = Callable[["Pair"], object]
Path: TypeAlias = tuple[Step, ...]


def recipe(state: PairState, declared: Declared) -> Path | None:
    """Return the first way to a state whose orders the target declares; None where there is none, or where it cannot
    show the state.

    >>> recipe(PairState.RCPY, Declared(operations=frozenset({PairCommand.CREATE}))) is None
    True
    """
    if state not in declared.states:
        return None
    return next((path for path in _PATHS[state] if _declared(path, declared)), None)


def _declared(path: Sequence[Step], declared: Declared) -> bool:
    given = [step for step in path if isinstance(step, Give)]
    return all(declared.takes(step.command, step.kind) for step in given)


def _hold(pair: Pair) -> None:
    pair.hold()


def _finish(pair: Pair) -> None:
    pair.finish()


def _change(pair: Pair, role: Role) -> None:
    """Make two slots differ, so that a copy of the differences takes a while."""
    for at in (pair.blocks // 4, pair.blocks // 2):
        pair.write(role, at)


def _change_primary(pair: Pair) -> None:
    _change(pair, pair.couple.primary)


def _change_secondary(pair: Pair) -> None:
    _change(pair, pair.couple.secondary)


_COMMAND, _QUICK = PairCommand, SplitKind.QUICK
_PAIRED: Path = (Give(_COMMAND.CREATE), _finish)
_HALF: Path = (_hold, Give(_COMMAND.CREATE, pace=SLOW))
_SPLIT: tuple[Path, ...] = (
    (*_PAIRED, Give(_COMMAND.SPLIT), _finish),
    (Give(_COMMAND.CREATE_SPLIT), _finish),
    (Give(_COMMAND.CREATE_SPLIT, _QUICK), _finish),
)

_PATHS: Mapping[PairState, tuple[Path, ...]] = {
    PairState.SMPL: ((),),
    PairState.COPY: (_HALF,),
    PairState.PAIR: (_PAIRED,),
    PairState.COPY_SP: ((_hold, Give(_COMMAND.CREATE_SPLIT, pace=SLOW)), (*_HALF, Give(_COMMAND.SPLIT))),
    PairState.PSUS_SP: (
        (_hold, Give(_COMMAND.CREATE_SPLIT, _QUICK, SLOW)),
        (*_HALF, Give(_COMMAND.SPLIT, _QUICK)),
    ),
    PairState.PSUS: _SPLIT,
    PairState.COPY_RS: tuple((*path, _change_primary, _hold, Give(_COMMAND.RESYNC)) for path in _SPLIT),
    PairState.RCPY: tuple((*path, _change_secondary, _hold, Give(_COMMAND.RESTORE)) for path in _SPLIT),
    PairState.PSUE: ((*_PAIRED, Give(_COMMAND.SUSPEND)),),
    PairState.SMPL_PD: ((*_PAIRED, _hold, Give(_COMMAND.DELETE)),),
}
"""The ways to each state, the one by most ordinary orders first."""
