"""The `[pairs]` table of a target file: how its pairs are reached, and what they can do.

>>> PairSpec().way
'inband'
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from msgspec import field

from copyproof.pairing.names import OPERATIONS, STATES, OperationName, StateName
from copyproof.pairing.template import MOST_SECONDS
from copyproof.scsi.outcome import Outcome
from copyproof.targets.scalars import Size
from copyproof.targets.table import Struct

AnswerName = Literal["accepted", "ignored", "refused"]
AccessName = Literal["none", "read", "read-write"]


_THEN: Mapping[StateName, StateName] = {
    "COPY": "PAIR",
    "COPY(RS)": "PAIR",
    "RCPY": "PAIR",
    "COPY(SP)": "PSUS",
    "PSUS(SP)": "PSUS",
    "SMPL(PD)": "SMPL",
}
"""The states in which something is under way, with the one that follows by itself."""


class AccessSpec(Struct, frozen=True, kw_only=True):
    """What a host may do with P-VOL and S-VOL in a state."""

    primary: AccessName
    secondary: AccessName


class RuleSpec(Struct, frozen=True, kw_only=True):
    """The choices where the guides conflict, named as in `model.pair_rules.PairRules`, which explains each."""

    split_of_resync: AnswerName = "refused"
    create_split_of_resync: AnswerName = "accepted"
    split_of_split: AnswerName = "ignored"
    resync_of_quick: AnswerName = "refused"
    primary_in_restore: AccessName = "none"
    while_deleting: AccessName = "none"
    write_refused: tuple[str, ...] = ("07/27/00",)
    read_refused: tuple[str, ...] = ()


class PairSpec(Struct, frozen=True, kw_only=True):
    """How pairs are reached and what they can do.

    `only_in` names the states in which an operation can be ordered, for each that cannot be in all of them. `way` is by
    the vendor commands in band, or by the commands of a `template`: a shipped one by name, or a file by a path ending
    in `.toml`. `paces` says that the copying can be told how fast to be, `refuses_unequal` that volumes of unequal size
    are refused by the implementation, `refuses_copies` that a copy to an S-VOL that hosts may not write is, too; an
    order that would not be refused is not given. `slot` is in bytes, `timeout` in seconds for one command of a
    template. `access` says where a state allows a host something else than the guides' table, `shows` which word stands
    for a state that has none of its own. `names` are values for the template's placeholders, `volumes` such values by
    role.
    """

    way: Literal["inband", "command"] = "inband"
    template: str = ""
    operations: tuple[OperationName, ...] = OPERATIONS
    only_in: dict[OperationName, tuple[StateName, ...]] = field(default_factory=dict)
    kinds: tuple[Literal["normal", "quick"], ...] = ("normal", "quick")
    states: tuple[StateName, ...] = STATES
    shows: dict[StateName, StateName] = field(default_factory=dict)
    access: dict[StateName, AccessSpec] = field(default_factory=dict)
    secondary_exists: Literal["always", "split"] = "always"
    secondaries: int = 3
    groups: bool = True
    generations: bool = True
    resignature: bool = False
    progress: bool = True
    paces: bool = True
    refuses_unequal: bool = True
    refuses_copies: bool = True
    slot: Size = Size(256 * 1024)
    timeout: float = 60.0
    rules: RuleSpec = RuleSpec()
    names: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, dict[str, str]] = field(default_factory=dict)


def faults(pairs: PairSpec, roles: Collection[str], block_size: int) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong with it) for each rule that a table breaks beyond its types; `roles` are those of the
    target's units, `block_size` is in bytes."""
    yield from _way(pairs)
    if not {"primary", "secondary"} <= set(roles):
        yield "way", "pairs need the units luns.primary and luns.secondary"
    if pairs.secondaries < 1:
        yield "secondaries", f"{pairs.secondaries} is not allowed; it must be 1 or more"
    if pairs.slot < block_size or pairs.slot % block_size:
        yield "slot", f"must be a multiple of the block of {block_size} bytes"
    if not 0 < pairs.timeout <= MOST_SECONDS:
        yield "timeout", f"{pairs.timeout:g} is not allowed; it must be above 0, at most {MOST_SECONDS} seconds"
    for state in _endless(pairs):
        yield f"shows.{state}", "is shown as what follows it, and without progress nothing tells when it has ended"
    for role in set(pairs.volumes) - set(roles):
        yield f"volumes.{role}", f"there is no such unit; allowed: {', '.join(sorted(roles))}"
    for key in ("write_refused", "read_refused"):
        for text in getattr(pairs.rules, key):
            yield from _outcome(f"rules.{key}", text)


def _endless(pairs: PairSpec) -> Iterator[StateName]:
    """Yield the states of which nobody could say when they have gone on to the next."""
    for state, then in _THEN.items():
        if state in pairs.states and pairs.shows.get(state, state) == pairs.shows.get(then, then):
            yield from () if pairs.progress else (state,)


def _way(pairs: PairSpec) -> Iterator[tuple[str, str]]:
    if pairs.way == "command" and not pairs.template:
        yield "template", "is missing; way = command needs a template's NAME, or a path ending in .toml"
    if pairs.way == "inband":
        given = [key for key in ("template", "names", "volumes") if getattr(pairs, key)]
        given += [] if pairs.refuses_unequal else ["refuses_unequal"]
        yield from ((key, "only way = command has it") for key in given[:1])


def _outcome(key: str, text: str) -> Iterator[tuple[str, str]]:
    try:
        Outcome.parse(text)
    except ValueError as problem:
        yield key, str(problem)
