"""What the script of a difference has for pairs: orders in band, or by a vendor's programs, and waiting."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence

from copyproof.errors import printable
from copyproof.fuzz.events import Awaited, Event, PairOrdered, Passed
from copyproof.plugin.bench import ROLES
from copyproof.targets.live import Role
from copyproof.transport.tape import Waited

REFUSAL = "REFUSAL"
"""Stands for every outcome but GOOD."""

#: Before anything is written: a vendor's programs name volumes by other means than those by which units were checked.
GUARD = """\
[ "${VENDOR:-}" = run ] ||
    fail "it runs a vendor's programs with the recorded names: read the lines that begin with vendor, say VENDOR=run"
"""

TOOLS = """
# vendor 0|REFUSAL ARGUMENT...: run a vendor's program, and judge its exit status.
vendor() {
    must=$1
    shift
    "$@" >"$work/said" 2>&1 </dev/null
    code=$?
    [ "$code" = 127 ] && fail "$(cat "$work/said")"
    ended=REFUSAL
    [ "$code" = 0 ] && ended=0
    [ "$ended" = "$must" ] || { echo "$1 ended with status $code, it must end in $must"; wrong=1; }
}

# passes TICKS: let time pass, a second for each tick that passed when this was recorded.
passes() { sleep "$1"; }

# await UNIT NAA NAA: wait until nothing is under way of the pair of two volumes, by PAIR QUERY.
await() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sg_raw --cmdset=1 --request=4096 --outfile="$work/pairs" "$1" \\
            c1 10 00 00 00 00 00 10 00 00 >"$work/said" 2>&1 || fail "$(cat "$work/said")"
        case $(tail -c +9 "$work/pairs" | xxd -p -c 96 | grep "$2.*$3" | cut -c 1-2) in
        01 | 02 | 04 | 05 | 07 | 08) sleep 3 ;;
        *) return ;;
        esac
    done
    fail "the pair of $2 and $3 does not come to an end"
}
"""


def by_vendor(events: Sequence[Event]) -> bool:
    """Whether a pair was ordered by other means than a command in band."""
    return any(isinstance(event, PairOrdered) and event.answered.sent is None for event in events)


def of_pairs(events: Sequence[Event]) -> bool:
    """Whether anything is about pairs."""
    return any(isinstance(event, PairOrdered | Passed | Awaited) for event in events)


def waits(event: Passed | Awaited, *, vendor: bool) -> str:
    """Return the line that lets time pass as long as it did; a vendor's status cannot be asked for from here."""
    if isinstance(event, Passed):
        return f"passes {event.ticks}"
    if vendor:
        return "passes 30"
    primary, secondary = ROLES[event.primary].name, ROLES[event.secondary].name
    return f'await "${primary}" "${primary}_NAA" "${secondary}_NAA"'


def waited(event: Passed | Awaited) -> Waited:
    """Return what a tape keeps of a wait."""
    if isinstance(event, Passed):
        return Waited(role=Role.PRIMARY.value, ticks=event.ticks)
    return Waited(role=ROLES[event.primary].value, secondary=ROLES[event.secondary].value)


def ordered(event: PairOrdered, in_band: Callable[[PairOrdered, str], Iterator[str]]) -> Iterator[str]:
    """Yield the lines that order the same again; `in_band` has those of a command."""
    if event.answered.sent:
        yield from in_band(event, "GOOD" if event.accepted else REFUSAL)
        return
    for at, said in enumerate(event.answered.proof, start=1):
        last = at == len(event.answered.proof)
        try:
            argv = shlex.join(shlex.split(said.what))
        except ValueError:
            yield f"fail {shlex.quote(printable(f'cannot be repeated: {said.what}'))}"
            return
        yield f"vendor {REFUSAL if last and not event.accepted else 0} {argv}"
