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
from copyproof.fuzz.operations import Range
from copyproof.fuzz.player import Event, Ordered, Stamped, WasReset
from copyproof.fuzz.search import Counterexample
from copyproof.plugin.bench import ROLES, Bench
from copyproof.plugin.opening import tape_header
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.vetting import is_extended_copy
from copyproof.transport import tape
from copyproof.transport.sg3 import octets

SCRIPT, DATA, TAPE = "fuzz-difference.sh", "fuzz-difference.bin", "fuzz-difference.tape"
#: Blocks made at once.
PIECE = 4096

_HEAD = """\
#!/bin/sh
{about}
#
# Exit status: 0 the target does what it must, 1 the difference shows, 2 it could not be tried.
# Needs sg3_utils, awk, cmp, xxd, and {data} beside this script.
# It overwrites blocks of these units. Name each by an sg node of one of at least as many blocks, for example
# {example}
{units}
set -u
LC_ALL=C
export LC_ALL
data=$(dirname "$0")/{data}
size={size}
wrong=0
fail() {{ echo "$*" >&2; exit 2; }}
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
    case " ${allowed:-$seen} " in
    *" $seen "*) ;;
    *) echo "the command ended in $seen, it must end in $allowed"; wrong=1 ;;
    esac
}

# look NAME UNIT LBA COUNT SKIP: read back and compare with blocks of the file.
look() {
    rm -f "$work/found"
    if ! sg_dd if="$2" of="$work/found" bs=$size cdbsz=16 skip="$3" count="$4" 2>"$work/said"; then
        echo "$1 LBA $3 to $(($3 + $4 - 1)) cannot be read"; wrong=1
        return
    fi
    blocks "$5" "$4" >"$work/due"
    byte=$(cmp -l "$work/found" "$work/due" 2>&1 | awk 'NR == 1 { print $1 }')
    [ -z "$byte" ] || { echo "$1 LBA $(($3 + (byte - 1) / size)) is wrong"; wrong=1; }
}

"""

_TAIL = """
[ $wrong = 0 ] && echo "the target does what it must"
exit $wrong
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


def write(found: Counterexample, bench: Bench, folder: Path) -> None:
    """Write SCRIPT, DATA and TAPE into a folder; raises UsageError when they cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / DATA).open("wb") as file:
            text = script(found, bench, Beside(bench, file))
        (folder / SCRIPT).write_text(text, encoding="utf-8")
        (folder / SCRIPT).chmod(0o755)
    except OSError as problem:
        raise UsageError(f"{folder}: {problem.strerror}; name another folder with --hil-report") from None
    _tape(found, bench, folder / TAPE)


def script(found: Counterexample, bench: Bench, beside: Beside) -> str:
    """Return the script's text; its blocks are written to `beside`."""
    steps = [line for event in found.events for line in _step(event, bench, beside)]
    looks = [
        f"look {_name(volume).lower()} {_unit(volume)} {extent.lba} {extent.count} "
        f"{beside.add(extent.origins[0], extent.count)}"
        for volume, extent in found.due
        if len(extent.origins) == 1
    ]
    volumes = sorted({event.at.volume if isinstance(event, Stamped) else event.volume for event in found.events})
    return "".join([_head(found, bench, volumes), _TOOLS, *(f"{line}\n" for line in [*steps, "", *looks]), _TAIL])


def _head(found: Counterexample, bench: Bench, volumes: list[int]) -> str:
    naas = {volume: bench.live.lun(ROLES[volume]).device.naa for volume in volumes}
    units = [f"#   {_name(v)}: {bench.unit(ROLES[v]).blocks} blocks, was naa.{naas[v]}" for v in volumes]
    checks = []
    for volume, naa in naas.items():
        name = _name(volume)
        wwid = f'"/sys/class/scsi_generic/$(basename "${name}")/device/wwid"'
        checks += [
            f'[ -n "${{{name}:-}}" ] || fail "name the sg node of the {name.lower()} unit: {name}=/dev/sgN"',
            f"{name}_NAA=${{{name}_NAA:-$(sed -n 's/^naa\\.//p' {wwid})}}",
            f'[ ${{#{name}_NAA}} = {len(naa)} ] || fail "${name} has no NAA of {len(naa)} hex digits"',
        ]
    told = ["What the target does otherwise than the reference model:", f"  {found.diagnosis}", "It was ordered:"]
    told += [f"  {operation}" for operation in found.operations]
    example = f"{' '.join(f'{_name(v)}=/dev/sg{v}' for v in volumes)} sh {SCRIPT}; grep . finds them by NAA:"
    return _HEAD.format(
        about="\n".join(f"# {printable(line)}" for line in told),
        data=DATA,
        example=f"{example}\n#   grep . /sys/class/scsi_generic/*/device/wwid",
        units="\n".join(units),
        nodes=" ".join(f"${_name(volume)}" for volume in volumes),
        size=bench.stamper.block_size,
        checks="\n".join(checks),
    )


def _step(event: Event, bench: Bench, beside: Beside) -> Iterator[str]:
    if isinstance(event, Stamped):
        volume, lba, blocks = event.at
        skip = beside.add(Origin(volume, lba, event.generation), blocks)
        yield f"stamp {_unit(volume)} {lba} {blocks} {skip}"
    elif isinstance(event, WasReset):
        yield f"reset {_unit(event.volume)}"
    else:
        yield _out(event, bench, beside)
        allowed = " ".join(dict.fromkeys(_own(outcome) for outcome in event.allowed))
        cdb = " ".join(octets(event.command))
        yield f"order {_unit(event.volume)} {shlex.quote(allowed)} {len(event.command.data_out)} {cdb}"


def _out(event: Ordered, bench: Bench, beside: Beside) -> str:
    """Say how the data of a command come about: a copy's list names the units as they are when the script runs."""
    data = event.command.data_out
    if data and not is_extended_copy(event.command) and len(data) % bench.stamper.block_size == 0:
        count = len(data) // bench.stamper.block_size
        return f'blocks {beside.raw(data)} {count} >"$work/out"'
    text = data.hex()
    if is_extended_copy(event.command):
        for role, unit in bench.units.items():
            text = text.replace(unit.lun.device.naa, f"${{{role.name}_NAA}}")
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
