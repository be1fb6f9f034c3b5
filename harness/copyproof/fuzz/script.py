"""Write a difference down, so that it can be shown again without this program: a shell script of sg3_utils commands,
its blocks in a file beside it, and a tape."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path

from copyproof.blocks.origin import Content, Origin
from copyproof.errors import UsageError, printable
from copyproof.fuzz import pair_script
from copyproof.fuzz.events import Awaited, Event, Ordered, PairOrdered, Passed, Stamped, WasReset, volumes_of
from copyproof.fuzz.operations import Range
from copyproof.fuzz.search import Counterexample
from copyproof.model.extents import Extent
from copyproof.plugin.bench import ROLES, Bench
from copyproof.plugin.opening import tape_header
from copyproof.scsi.command import Command
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.vetting import is_extended_copy
from copyproof.targets.live import Device
from copyproof.transport import tape
from copyproof.transport.settled import PATIENCE
from copyproof.transport.sg3 import octets

SCRIPT, DATA, TAPE = "fuzz-difference.sh", "fuzz-difference.bin", "fuzz-difference.tape"
UNSEEN = "no block differs; the labels cannot be looked at from here"
SHOWN_UNSEEN = "no block differs; what a pair shows of itself cannot be judged from here"
NOTHING_SEEN = "there is no block to look at, so nothing was shown"
#: Blocks made at once.
PIECE = 4096

_HEAD = """\
#!/bin/sh
{about}
#
# Exit status: 0 the target does what it must, 1 the difference shows, 2 it could not be tried.
# Needs sg3_utils, awk, cmp, xxd, and {data} beside this script.
# It overwrites blocks of these units. Name each by its sg node, for example
# {example}
# Another unit of the same size may take the place of one, if its wwid is named too: OVERWRITE="naa.6... naa.6..."
{units}
set -u
LC_ALL=C
export LC_ALL
data=$(dirname "$0")/{data}
size={size}
wrong=0
fail() {{ echo "$*" >&2; exit 2; }}
"""

_SERVES = """
# busy DISK: say what uses a disk or partition; nothing where nobody does.
busy() {
    [ -z "$(ls "/sys/class/block/$1/holders" 2>/dev/null)" ] || echo "$1 is held by another device"
    number=$(cat "/sys/class/block/$1/dev")
    awk -v number="$number" '$3 == number { found = 1 } END { exit !found }' /proc/self/mountinfo ||
        grep -q "^/dev/$1 " /proc/mounts && echo "$1 is mounted"
    grep -q "^/dev/$1[[:space:]]" /proc/swaps && echo "$1 is swapped on"
}

# meant WWID: whether OVERWRITE names it.
meant() { case " ${OVERWRITE:-} " in *" $1 "*) ;; *) return 1 ;; esac; }

# serves NAME NODE NAA BLOCKS: end here unless the unit is the recorded one, or meant, and nobody uses it. Sets naa.
serves() {
    [ -n "$2" ] || fail "name the sg node of the $1 unit: $1=/dev/sgN"
    device=/sys/class/scsi_generic/$(basename "$(readlink -f "$2")")/device
    wwid=$(cat "$device/wwid" 2>/dev/null)
    naa=$(sg_inq --export --page=di "$2" 2>/dev/null |
        awk -F= '/^SCSI_IDENT_LUN_NAA/ && length($2) > length(naa) { naa = tolower($2) } END { print naa }')
    [ ${#naa} = ${#3} ] || fail "$2 has no NAA of ${#3} hex digits"
    case $wwid in
    "naa.$naa" | eui.* | t10.*) ;;
    *) fail "$2 says that it is naa.$naa, the kernel knows it as ${wwid:-nothing}" ;;
    esac
    [ "$wwid" = "naa.$3" ] || meant "$wwid" ||
        fail "$2 is not the $1 unit naa.$3; if it may be overwritten, say OVERWRITE='$wwid'"
    case $named in *" $naa "*) fail "$2 is the same unit as another that is named" ;; esac
    named="$named $naa "
    capacity=$(sg_readcap --16 --brief "$2" 2>/dev/null)
    [ "$(printf '%d %d' $capacity 2>/dev/null)" = "$4 $size" ] ||
        fail "$2 must have $4 blocks of $size bytes, it has: ${capacity:-no answer}"
    for disk in "$device"/block/*; do
        [ -e "$disk" ] && unused "${disk##*/}" "$wwid"
    done
}

# unused DISK WWID: end here if a disk or a part of it is in use, or it has partitions and is not meant.
unused() {
    [ -z "$(busy "$1")" ] || fail "$(busy "$1")"
    for part in "/sys/class/block/$1"/*/partition; do
        [ -e "$part" ] || continue
        part=$(basename "$(dirname "$part")")
        [ -z "$(busy "$part")" ] || fail "$(busy "$part")"
        meant "$2" || fail "$1 has a partition, $part; if it may be overwritten, say OVERWRITE='$2'"
    done
}
named=
"""

_BEGIN = """\
{checks}
units="{nodes}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
"""

_TOOLS = """
# blocks SKIP COUNT: some blocks of the file beside this script.
blocks() { dd if="$data" bs=$size skip="$1" count="$2" 2>/dev/null; }

# stamp UNIT LBA COUNT SKIP: write blocks of the file.
stamp() {
    sg_dd if="$data" of="$1" bs=$size cdbsz=16 skip="$4" seek="$2" count="$3" 2>"$work/said" ||
        fail "$(cat "$work/said")"
}

# reset UNIT: reset it, and take the unit attentions that follow from all units.
reset() {
    sg_reset --no-esc --device "$1" || fail "$1 cannot be reset"
    for unit in $units; do
        for _ in 1 2 3 4 5 6 7 8; do sg_turs "$unit" >/dev/null 2>&1 && break; done
    done
}

# outcome: status, or sense key, ASC and ASCQ, from what sg_raw prints.
outcome() {
    awk '
    /^SCSI Status: / { status = toupper(substr($0, 14)); sub(/ *$/, "", status); gsub(/ /, "_", status) }
    /Raw sense data/ && !sense { getline; split($0, b, " ")
        if (b[1] ~ /7[23]/) sense = "0" substr(b[2], 2) "/" b[3] "/" b[4]
        else sense = "0" substr(b[3], 2) "/" b[13] "/" b[14] }
    END { print status == "CHECK_CONDITION" && sense ? toupper(sense) : status }'
}

# order UNIT ALLOWED LENGTH CDB...: send a command with the data in $work/out.
order() {
    unit=$1; allowed=$2; length=$3
    shift 3
    [ "$length" -gt 0 ] && set -- --send="$length" "$unit" "$@" || set -- "$unit" "$@"
    sg_raw --verbose --cmdset=1 --timeout=600 "$@" <"$work/out" >"$work/said" 2>&1
    seen=$(outcome <"$work/said")
    [ -n "$seen" ] || fail "$(cat "$work/said")"
    [ "$allowed" = REFUSAL ] && [ "$seen" != GOOD ] && return
    case " ${allowed:-$seen} " in
    *" $seen "*) ;;
    *) echo "the command ended in $seen, it must end in $allowed"; wrong=1 ;;
    esac
}

# look NAME UNIT LBA COUNT SKIP...: read back; each block must be as it is at one of the places in the file.
look() {
    name=$1; unit=$2; lba=$3; count=$4
    shift 4
    rm -f "$work/found"
    if ! sg_dd if="$unit" of="$work/found" bs=$size cdbsz=16 skip="$lba" count="$count" 2>"$work/said" ||
        [ "$(wc -c <"$work/found")" -ne $((count * size)) ]; then
        echo "$name LBA $lba to $((lba + count - 1)) cannot be read"; wrong=1
        return
    fi
    for skip in "$@"; do
        blocks "$skip" "$count" >"$work/due"
        cmp -l "$work/found" "$work/due" | awk -v size=$size '{ print int(($1 - 1) / size) }' | uniq
    done | sort -n | uniq -c | awk -v all=$# '$1 == all { print $2; exit }' >"$work/first"
    read -r block <"$work/first" || return 0
    echo "$name LBA $((lba + block)) is wrong"; wrong=1
}

"""

_TAIL = """
[ $wrong = 0 ] || exit 1
[ -z "$unseen" ] || fail "$unseen"
echo "the target does what it must"
"""


@dataclass(slots=True)
class Beside:
    """The file of blocks that is being written beside a script; places in it are in blocks."""

    bench: Bench
    file: BufferedWriter
    blocks: int = 0

    def add(self, first: Content, count: int) -> int:
        """Add `count` blocks that go up from `first`, and return where they begin."""
        begin = self.blocks
        for done in range(0, count, PIECE):
            many = min(PIECE, count - done)
            self.file.write(self._made(first, done, many))
        self.blocks += count
        return begin

    def raw(self, data: bytes) -> int:
        """Add whole blocks as they are, and return where they begin."""
        begin = self.blocks
        self.file.write(data)
        self.blocks += len(data) // self.bench.stamper.block_size
        return begin

    def _made(self, first: Content, done: int, count: int) -> bytes:
        if not isinstance(first, Origin):
            return bytes(count * self.bench.stamper.block_size)
        return self.bench.stamper.make(first.volume, first.lba + done, count, first.generation).tobytes()


def write(found: Counterexample, bench: Bench, folder: Path) -> tuple[str, str]:
    """Write SCRIPT, DATA and TAPE into a folder, and return the names of script and tape; raises UsageError when they
    cannot be written there.

    There is no tape where pairs were ordered by a vendor's programs, as it holds commands alone, nor of what a pair
    shows of itself.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / DATA).open("wb") as file:
            text = script(found, bench, Beside(bench, file))
        (folder / SCRIPT).write_text(text, encoding="utf-8")
        (folder / SCRIPT).chmod(0o755)
    except OSError as problem:
        raise UsageError(f"{folder}: {problem.strerror}; name another folder with --hil-report") from None
    if found.shown or pair_script.by_vendor(found.events):
        return SCRIPT, ""
    _tape(found, bench, folder / TAPE)
    return SCRIPT, TAPE


def script(found: Counterexample, bench: Bench, beside: Beside) -> str:
    """Return the script's text; its blocks are written to `beside`."""
    vendor, pairs = pair_script.by_vendor(found.events), pair_script.of_pairs(found.events)
    steps = [line for event in found.events for line in _step(event, bench, beside, vendor=vendor)]
    looks = [_look(volume, extent, beside) for volume, extent in found.due if extent.origins]
    played = {volume for event in found.events for volume in volumes_of(event)}
    volumes = sorted(played | {volume for volume, _ in found.due})
    unseen = UNSEEN if found.labels else SHOWN_UNSEEN if found.shown else "" if looks else NOTHING_SEEN
    body = "\n".join([*steps, "", *looks, "", f"unseen={shlex.quote(unseen)}"])
    tools = _TOOLS + pair_script.TOOLS * pairs
    before = _SERVES + pair_script.GUARD * vendor
    return "".join([_head(found, bench, volumes), before, _begin(bench, volumes), tools, "\n", body, _TAIL])


def _look(volume: int, extent: Extent, beside: Beside) -> str:
    places = " ".join(str(beside.add(origin, extent.count)) for origin in extent.origins)
    return f"look {_name(volume).lower()} {_unit(volume)} {extent.lba} {extent.count} {places}"


def _head(found: Counterexample, bench: Bench, volumes: list[int]) -> str:
    told = ["What the target does otherwise than the reference model:", f"  {found.diagnosis}", "It was ordered:"]
    told += [f"  {operation}" for operation in found.operations]
    example = f"{' '.join(f'{_name(v)}=/dev/sg{v}' for v in volumes)} sh {SCRIPT}; grep . finds them by NAA:"
    units = [f"#   {_name(v)}: {_device(bench, v).blocks} blocks, naa.{_device(bench, v).naa}" for v in volumes]
    return _HEAD.format(
        about="\n".join(f"# {printable(line)}" for line in told),
        data=DATA,
        example=f"{example}\n#   grep . /sys/class/scsi_generic/*/device/wwid",
        units="\n".join(units),
        size=bench.stamper.block_size,
    )


def _begin(bench: Bench, volumes: list[int]) -> str:
    """Check every unit before the first is written to. Copies name the units by what they said themselves."""
    devices = {_name(volume): _device(bench, volume) for volume in volumes}
    checks = [
        f'serves {name} "${{{name}:-}}" {device.naa.lower()} {device.blocks}\n{name}_NAA=$naa'
        for name, device in devices.items()
    ]
    return _BEGIN.format(checks="\n".join(checks), nodes=" ".join(f"${name}" for name in devices))


def _device(bench: Bench, volume: int) -> Device:
    return bench.live.lun(ROLES[volume]).device


def _step(event: Event, bench: Bench, beside: Beside, *, vendor: bool) -> Iterator[str]:
    match event:
        case Stamped(Range(volume, lba, blocks), generation):
            skip = beside.add(Origin(volume, lba, generation), blocks)
            yield f"stamp {_unit(volume)} {lba} {blocks} {skip}"
        case WasReset(volume):
            yield f"reset {_unit(volume)}"
        case Passed() | Awaited():
            yield pair_script.waits(event, vendor=vendor)
        case PairOrdered():
            yield from pair_script.ordered(event, lambda one, must: _pair_order(one, must, bench))
        case Ordered(volume, command, allowed, _, refused):
            yield _out(event, bench, beside)
            told = " ".join(dict.fromkeys(_own(outcome) for outcome in allowed))
            yield _line(volume, command, told or pair_script.REFUSAL * refused)


def _pair_order(event: PairOrdered, must: str, bench: Bench) -> Iterator[str]:
    assert event.answered.sent
    command, _ = event.answered.sent
    yield f'printf %s "{_named(command.data_out.hex(), bench)}" | xxd -r -p >"$work/out"'
    yield _line(event.request.primary.number, command, must)


def _line(volume: int, command: Command, allowed: str) -> str:
    return f"order {_unit(volume)} {shlex.quote(allowed)} {len(command.data_out)} {' '.join(octets(command))}"


def _named(text: str, bench: Bench) -> str:
    """Name the units in a list, in hex, as they are when the script runs."""
    for role, unit in bench.units.items():
        text = text.replace(unit.lun.device.naa, f"${{{role.name}_NAA}}")
    return text


def _out(event: Ordered, bench: Bench, beside: Beside) -> str:
    """Say how the data of a command come about: a copy's list names the units as they are when the script runs."""
    data = event.command.data_out
    if data and not is_extended_copy(event.command) and len(data) % bench.stamper.block_size == 0:
        count = len(data) // bench.stamper.block_size
        return f'blocks {beside.raw(data)} {count} >"$work/out"'
    text = _named(data.hex(), bench) if is_extended_copy(event.command) else data.hex()
    return f'printf %s "{text}" | xxd -r -p >"$work/out"'


def _own(outcome: Outcome) -> str:
    return outcome.sense or outcome.status.name


def _name(volume: int) -> str:
    return ROLES[volume].name


def _unit(volume: int) -> str:
    return f'"${_name(volume)}"'


def _tape(found: Counterexample, bench: Bench, path: Path) -> None:
    writer = tape.TapeWriter(path)
    with writer.recording(tape_header(bench.live, bench.seed)):
        for event in found.events:
            if isinstance(event, Ordered):
                role = ROLES[event.volume].value
                writer.add(tape.sent(role, event.command, bench.spec.command_timeout, event.result))
            elif isinstance(event, Stamped):
                volume, lba, blocks = Range(*event.at)
                writer.add(tape.Stamped(role=ROLES[volume].value, lba=lba, count=blocks, generation=event.generation))
            elif isinstance(event, PairOrdered) and event.answered.sent:
                command, result = event.answered.sent
                writer.add(tape.sent(event.request.primary.name, command, PATIENCE, result))
            elif isinstance(event, Passed | Awaited):
                writer.add(pair_script.waited(event))
        for volume, extent in found.due:
            if extent.origins:
                writer.add(tape.looked(ROLES[volume].value, extent.lba, extent.count, extent.origins))
