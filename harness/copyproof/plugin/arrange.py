"""What a test can arrange before it sends: spans, copies, lists that name nobody, places at the end of a unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from copyproof.array.settings import Exchange
from copyproof.errors import UsageError
from copyproof.model.controller import Transfer
from copyproof.model.known import Fault
from copyproof.plugin.bench import NUMBERS, ROLES, Bench
from copyproof.plugin.order import Order, Span
from copyproof.plugin.watching import Watch, degraded, exchanging, watched
from copyproof.safety import NOBODY
from copyproof.scsi.answers import OperatingParameters
from copyproof.scsi.copylist import COUNT_LIMIT, BlockSegment, CopyList, Cscd
from copyproof.scsi.designator import Designator
from copyproof.scsi.inquiry import Inquiry
from copyproof.scsi.spoil import Spoiler, spoil, together
from copyproof.targets.capabilities import Capability
from copyproof.targets.live import Control, Role
from copyproof.targets.spec import TagPolicy

#: Stamped blocks on each side of a span, which no copy may touch.
MARGIN = 16
#: How a read of a block ends whose tag is not what it must be (SBC-3 4.22).
UNREADABLE = {"guard": "0B/10/01", "reference": "0B/10/03"}
#: Where the declared rule has no chunk: long enough that a copy in pieces would show.
LONG_OVERLAP_BYTES = 8 << 20


class Arrangement:
    """The first half of a rig: it writes stamps and parameter lists and sends nothing."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.leased: list[Span] = []

    def span(self, role: Role = Role.SOURCE, blocks: int = 8, at: int | None = None) -> Span:
        """Lease a stamped span with margins on both sides; `at` fixes its first LBA."""
        span = self.bench.lease(role, blocks, MARGIN, at, self.leased)
        self.leased.append(span)
        return span

    def frozen(self, role: Role, blocks: int = 8) -> Span:
        """Lease a span of a unit that this host cannot write: what it holds now is what it must hold."""
        span = Span(role, MARGIN, blocks, MARGIN)
        self.bench.checker.freeze(self.bench.unit(role).number, *self.bench.around(span))
        self.leased.append(span)
        return span

    @property
    def spans(self) -> tuple[Span, Span, Span]:
        """Three new spans of 8 blocks: one of the source, two of the destination."""
        return self.span(Role.SOURCE), self.span(Role.DESTINATION), self.span(Role.DESTINATION)

    def lacks(self, capability: Capability) -> str:
        """Why the target lacks a capability; empty when it has it."""
        return self.bench.capabilities.why_not(capability)

    @property
    def inquiry(self) -> Inquiry:
        """The standard INQUIRY data, as probed."""
        return self.bench.capabilities.inquiry

    @property
    def parameters(self) -> OperatingParameters:
        """The operating parameters, as probed; raises UsageError when the target has none (see
        Capability.PARAMETERS)."""
        if self.bench.capabilities.parameters is None:
            raise UsageError("this target has no operating parameters: the test must need Capability.PARAMETERS")
        return self.bench.capabilities.parameters

    @property
    def maximum_blocks(self) -> int:
        """The advertised maximum segment length in blocks; what the field can hold where there is no limit."""
        parameters = self.bench.capabilities.parameters
        length = parameters.max_segment_length if parameters else 0
        size = self.bench.unit(Role.SOURCE).lun.device.block_size
        return max(1, length // size) if length else COUNT_LIMIT

    def copy(
        self,
        blocks: int = 8,
        source: Role | Span = Role.SOURCE,
        destination: Role | Span = Role.DESTINATION,
        segments: Iterable[tuple[Span, Span]] = (),
        via: Role | None = None,
    ) -> Order:
        """Order a copy of `blocks` blocks between new spans, or the given segments.

        It is sent to the unit of the first source, unless `via` names another.
        """
        pairs = list(segments) or [self._pair(source, destination, blocks)]
        return self.order([transfer(a, b) for a, b in pairs], via or pairs[0][0].role)

    def order(self, transfers: list[Transfer], via: Role) -> Order:
        """Write the parameter list of some transfers.

        The first transfer's source and destination are CSCD descriptors 0 and 1, even where they are one unit, so that
        each can be spoilt alone; further units follow in order of appearance.
        """
        ends = [transfers[0].source, transfers[0].destination]
        ends += dict.fromkeys(n for t in transfers for n in (t.source, t.destination) if n not in ends)
        segments = tuple(
            BlockSegment(t.blocks, t.source_lba, t.destination_lba, ends.index(t.source), _last(ends, t.destination))
            for t in transfers
        )
        cscds = tuple(self._cscd(ROLES[number]) for number in ends)
        return Order(CopyList(cscds, segments).encode(), tuple(transfers), via)

    def overlapping(self, blocks: int, shift: int) -> Order:
        """Order a copy within the source unit to a place `shift` blocks higher (lower where negative); the two
        overlap."""
        whole = self.span(Role.SOURCE, blocks + abs(shift))
        low, high = whole.lba, whole.lba + abs(shift)
        source, destination = (low, high) if shift > 0 else (high, low)
        number = NUMBERS[Role.SOURCE]
        return self.order([Transfer(number, source, number, destination, blocks)], Role.SOURCE)

    @property
    def chunk_and_a_block(self) -> int:
        """One block more than a chunk of the declared overlap rule (8 MiB where it has none), if a segment can be so
        long."""
        size = self.bench.unit(Role.SOURCE).lun.device.block_size
        return min((self.bench.model.chunk or LONG_OVERLAP_BYTES // size) + 1, COUNT_LIMIT, self.maximum_blocks)

    def past_the_end(self, role: Role, blocks: int, inside: int) -> Order:
        """Order a copy whose range in one unit (source or destination) has only its first `inside` blocks on the
        unit."""
        other = Role.SOURCE if role is Role.DESTINATION else Role.DESTINATION
        edge = self.span(role, inside, at=self.bench.unit(role).blocks - inside)
        free = self.span(other, blocks)
        source, destination = (edge, free) if role is Role.SOURCE else (free, edge)
        part = Transfer(NUMBERS[source.role], source.lba, NUMBERS[destination.role], destination.lba, blocks)
        return self.order([part], free.role)

    def hidden(self, blocks: int = 8) -> Span:
        """A span of the unit that another initiator has; stamped where this host has a way to it."""
        unit = self.bench.units.get(Role.HIDDEN)
        if unit and unit.volume:
            return self.span(Role.HIDDEN, blocks)
        return Span(Role.HIDDEN, 0, blocks, 0)

    def unadvertised(self, types: Iterable[int]) -> int:
        """Return the first descriptor type of a range that the operating parameters do not list; raises UsageError."""
        free = (kind for kind in types if kind not in self.parameters.descriptors)
        if (found := next(free, None)) is None:
            raise UsageError("the operating parameters list every type of that range: the test must try others")
        return found

    @staticmethod
    def nobody(index: int) -> Spoiler:
        """Put a designator in a CSCD descriptor that no unit can have."""
        room = Designator.of_naa(NOBODY).data.ljust(20, b"\0")
        name = spoil(f"cscd[{index}].designator", int.from_bytes(room, "big"))
        # A unit with a NAA of 8 bytes has left its length there.
        return together(name, spoil(f"cscd[{index}].designator_length", len(NOBODY) // 2))

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """Record what the controller does within the block."""
        with watched(self._control()) as watch:
            yield watch

    @contextmanager
    def exchanging(self, exchange: Exchange) -> Iterator[None]:
        """Let the controller exchange addresses in a certain way within the block."""
        with exchanging(self._control(), exchange):
            yield

    @contextmanager
    def degraded(self, member: int) -> Iterator[None]:
        """Let a member of the RAID group fail for the length of the block, and rebuild it then."""
        with degraded(self._control(), member):
            yield

    def member(self, order: Order) -> int:
        """Return the member of the RAID group that the first block of a copy goes to: one that the copy misses."""
        first = order.intent[0]
        return self._control().place(first.destination, first.destination_lba).member

    def empty_cache(self) -> None:
        """Let the array's cache go, so that what is read next comes from the members."""
        self._control().empty_cache()

    def _control(self) -> Control:
        if self.bench.live.control is None:
            raise UsageError("this target is no white box: the test must need Capability.TRACE")
        return self.bench.live.control

    @contextmanager
    def changed_labels(self, order: Order, block: int = 0, count: int = 1, **tags: int) -> Iterator[None]:
        """Change tags (`guard`, `application`, `reference`) of source blocks behind the target's back, for a while.

        A wrong guard or reference tag makes them unreadable (SBC-3 4.22), and the model knows that meanwhile.
        """
        first = order.intent[0]
        store = self.bench.labels(ROLES[first.source])
        right = store.read(first.source_lba + block, count)
        wrong = right.copy()
        for name, value in tags.items():
            wrong[name] = value
        store.write(first.source_lba + block, wrong)
        sense = next((sense for tag, sense in UNREADABLE.items() if tag in tags), "")
        faults = [Fault(first.source, first.source_lba + block, count, sense)] if sense else []
        self.bench.faults += faults
        try:
            yield
        finally:
            store.write(first.source_lba + block, right)
            self.bench.faults = [fault for fault in self.bench.faults if fault not in faults]

    @contextmanager
    def tagged(self, order: Order, tag: int) -> Iterator[int]:
        """Give all source blocks of an order an application tag for a while, and tell which they have.

        Where the target gives each volume's blocks a tag of its own, a foreign one is a wrong label: they keep theirs.
        """
        part = order.intent[0]
        own = self._own_tag(ROLES[part.source])
        if own is not None:
            yield own
            return
        with self.changed_labels(order, count=part.blocks, application=tag):
            yield tag

    def application_breach(self, order: Order, source_tag: int) -> str:
        """Say what is wrong with the application tags of copied blocks whose sources carried `source_tag`."""
        part, policy = order.intent[0], self.bench.spec.labels.application_tag
        found = self.bench.labels(ROLES[part.destination]).read(part.destination_lba, part.blocks)["application"]
        tags = sorted(set(found.tolist()))
        due = {TagPolicy.ZERO: 0, TagPolicy.KEPT: source_tag}.get(policy, self._own_tag(ROLES[part.destination]))
        if tags == [due] or (due is None and source_tag not in tags):
            return ""
        shown = ", ".join(f"{tag:04X}h" for tag in tags)
        had = f"the source had {source_tag:04X}h, the policy is {policy.value}"
        return f"the copied blocks carry application tags {shown}; {had}"

    def _own_tag(self, role: Role) -> int | None:
        """The application tag that the target gives all blocks of a unit; None where it is not known, or no such."""
        own = self.bench.spec.labels.application_tag is TagPolicy.VOLUME
        return self.bench.unit(role).lun.tag if own else None

    def _pair(self, source: Role | Span, destination: Role | Span, blocks: int) -> tuple[Span, Span]:
        """Two spans at different LBAs: a copy to its own LBA would prove no relabelling."""
        first, second = self._spanned(source, blocks), self._spanned(destination, blocks)
        if second.lba == first.lba and isinstance(destination, Role):
            second = self.span(destination, blocks)
        return first, second

    def _spanned(self, place: Role | Span, blocks: int) -> Span:
        if isinstance(place, Role):
            return self.span(place, blocks)
        if place not in self.leased and place.role in self.bench.units:
            raise UsageError(f"{place} was not leased: take it from hil.span, so that it is stamped and looked at")
        return place

    def _cscd(self, role: Role) -> Cscd:
        device = self.bench.live.lun(role).device
        return Cscd(Designator.of_naa(device.naa), block_length=device.block_size)


def transfer(a: Span, b: Span) -> Transfer:
    """Return the transfer that copies one span onto another, as many blocks as both have."""
    return Transfer(NUMBERS[a.role], a.lba, NUMBERS[b.role], b.lba, min(a.blocks, b.blocks))


def _last(ends: list[int], number: int) -> int:
    return len(ends) - 1 - ends[::-1].index(number)
