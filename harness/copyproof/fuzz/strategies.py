"""How sequences are drawn: a table of kinds with their weights, sizes log-uniform, places near one base or the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from copyproof.fuzz.ground import BY_COMMAND, Ground
from copyproof.fuzz.operations import Copy, Flaw, Operation, Range, Reset, Unmap, Verify, Write, Zero
from copyproof.fuzz.pair_strategies import LONGEST_SEQUENCE, pair_sequences
from copyproof.fuzz.sizes import log_uniform
from copyproof.model.controller import Transfer

#: How far past an end a copy reaches at most, in blocks.
PAST = 4096

Bases = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation: how often it comes among the others, whether the target has it, and how it is drawn."""

    name: str
    weight: int
    drawn: Callable[[Ground, Bases], SearchStrategy[Operation]]
    offered: Callable[[Ground], bool] = lambda _: True


def sequences(ground: Ground) -> Sequence[SearchStrategy[list[Operation]]]:
    """Return the kinds of sequences of 1 to 30 operations that a target is played, each for as many operations as the
    others: on pairs, where the target has them, and copies.

    Were a kind drawn for each sequence, a short run might have next to none of one.
    """
    copies = copy_sequences(ground)
    return (pair_sequences(ground, ground.pairs), copies) if ground.pairs else (copies,)


def copy_sequences(ground: Ground) -> SearchStrategy[list[Operation]]:
    """Return sequences of 1 to 30 operations, which all have their places near one base in each volume."""
    kinds = [kind for kind in KINDS if kind.offered(ground)]
    weighted = [kind for kind in kinds for _ in range(kind.weight)]

    def steps(bases: tuple[int, ...]) -> SearchStrategy[list[Operation]]:
        near = dict(zip((volume for volume, _ in ground.volumes), bases, strict=True))
        drawn = {kind.name: kind.drawn(ground, near) for kind in kinds}
        one = st.sampled_from(weighted).flatmap(lambda kind: drawn[kind.name])
        return st.lists(one, min_size=1, max_size=LONGEST_SEQUENCE)

    return st.tuples(*(st.integers(0, blocks - 1) for _, blocks in ground.volumes)).flatmap(steps)


def _lba(ground: Ground, bases: Bases, volume: int, blocks: int) -> SearchStrategy[int]:
    """Draw where `blocks` blocks may begin: close to the base more often than far from it, as Hypothesis prefers."""
    room = ground.blocks(volume) - blocks
    return st.integers(0, room).map(lambda away: min(bases[volume] + away, room))


def _volume(ground: Ground) -> SearchStrategy[int]:
    return st.sampled_from([volume for volume, _ in ground.volumes])


def _range(ground: Ground, bases: Bases, most: int) -> SearchStrategy[Range]:
    @st.composite
    def drawn(draw: st.DrawFn) -> Range:
        volume, blocks = draw(_volume(ground)), draw(log_uniform(most))
        return Range(volume, draw(_lba(ground, bases, volume, blocks)), blocks)

    return drawn()


def _pair(ground: Ground) -> SearchStrategy[tuple[int, int]]:
    """Draw source and destination, from unit to unit first."""
    (first, _), (second, _) = ground.volumes
    return st.sampled_from([(first, second), (second, first), (first, first), (second, second)])


@st.composite
def _transfer(draw: st.DrawFn, ground: Ground, bases: Bases) -> Transfer:
    (source, destination), blocks = draw(_pair(ground)), draw(log_uniform(ground.longest))
    places = [draw(_lba(ground, bases, volume, blocks)) for volume in (source, destination)]
    return Transfer(source, places[0], destination, places[1], blocks)


@st.composite
def _copy(draw: st.DrawFn, ground: Ground, bases: Bases) -> Copy:
    segments = draw(st.lists(_transfer(ground, bases), min_size=1, max_size=ground.segments))
    return Copy(tuple(segments), draw(st.booleans()))


@st.composite
def _overlapping(draw: st.DrawFn, ground: Ground, bases: Bases) -> Copy:
    volume, blocks = draw(_volume(ground)), draw(log_uniform(ground.longest))
    shift = draw(log_uniform(max(1, blocks - 1))) if blocks > 1 else 0
    low = draw(_lba(ground, bases, volume, blocks + shift))
    source, destination = (low + shift, low) if draw(st.booleans()) else (low, low + shift)
    return Copy((Transfer(volume, source, volume, destination, blocks),))


@st.composite
def _at_end(draw: st.DrawFn, ground: Ground, bases: Bases) -> Copy:
    part = draw(_transfer(ground, bases))
    last = ground.blocks(part.destination) - part.blocks
    moved = Transfer(part.source, part.source_lba, part.destination, last, part.blocks)
    return Copy((moved,), draw(st.booleans()))


@st.composite
def _past_end(draw: st.DrawFn, ground: Ground, bases: Bases) -> Copy:
    part = draw(_transfer(ground, bases))
    over = draw(log_uniform(min(part.blocks, PAST)))
    of_source = draw(st.booleans())
    source = ground.blocks(part.source) - part.blocks + over if of_source else part.source_lba
    destination = part.destination_lba if of_source else ground.blocks(part.destination) - part.blocks + over
    return Copy((Transfer(part.source, source, part.destination, destination, part.blocks),))


@st.composite
def _flawed(draw: st.DrawFn, ground: Ground, bases: Bases) -> Copy:
    needy = () if ground.strange else (Flaw.CSCD_TYPE, Flaw.SEGMENT_TYPE)
    flaw = draw(st.sampled_from([flaw for flaw in Flaw if flaw is not Flaw.NONE and flaw not in needy]))
    return Copy((draw(_transfer(ground, bases)),), draw(st.booleans()), flaw)


def _written(by_command: bool) -> Callable[[Ground, Bases], SearchStrategy[Operation]]:
    def drawn(ground: Ground, bases: Bases) -> SearchStrategy[Operation]:
        most = min(BY_COMMAND, ground.longest) if by_command else ground.longest
        return _range(ground, bases, most).map(lambda at: Write(at, by_command))

    return drawn


#: The first kind is what a sequence shrinks to. Those on pairs are in `pair_strategies`.
KINDS: tuple[Kind, ...] = (
    Kind("copy", 20, lambda ground, bases: _copy(ground, bases)),
    Kind("copy, overlapping", 18, lambda ground, bases: _overlapping(ground, bases)),
    Kind("copy to the end", 18, lambda ground, bases: _at_end(ground, bases)),
    Kind("write", 8, _written(by_command=False)),
    Kind("write by command", 6, _written(by_command=True)),
    Kind("verify", 5, lambda ground, bases: _range(ground, bases, ground.longest).map(Verify)),
    Kind("zero", 6, lambda ground, bases: _range(ground, bases, ground.same).map(Zero), lambda g: g.same > 0),
    Kind("unmap", 5, lambda ground, bases: _range(ground, bases, ground.unmapped).map(Unmap), lambda g: g.unmapped > 0),
    Kind("reset", 2, lambda ground, _: _volume(ground).map(Reset), lambda g: g.resets),
    Kind("copy, flawed", 6, lambda ground, bases: _flawed(ground, bases)),
    Kind("copy past the end", 5, lambda ground, bases: _past_end(ground, bases)),
)
