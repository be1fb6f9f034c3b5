"""The record of a run: one JSON file a run and target, the only thing that reports read.

Times are ISO 8601 in UTC, durations seconds, byte strings lower-case hex. `SCHEMA` names the version; its JSON Schema
is generated from
these types (`reports/record.schema.json`).
"""

from __future__ import annotations

import msgspec

from copyproof.scsi.answers import OperatingParameters
from copyproof.verdicts.fuzzed import FuzzRecord
from copyproof.verdicts.verdict import Verdict
from copyproof.verdicts.verification import Verification

SCHEMA = "copyproof.record/1"
NOT_SEEN = "not seen: "
"""How the cause of a pass begins that could not look at all there is."""


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One command as sent and as answered. `data` is the head of the data (at most 2048 bytes of what went out, 1024 of
    what came in), `digest` the SHA-256 and `length` the bytes of all of it. `unit` is the role of the unit that got it;
    `judged` says that the case's verdict is about this command."""

    via: str
    unit: str = ""
    judged: bool = False
    cdb: str
    name: str
    direction: str = "none"
    length: int = 0
    data: str = ""
    digest: str = ""
    status: str
    sense: str = ""
    sense_raw: str = ""
    residual: int = 0
    duration: float = 0.0
    repeat: str = ""


class PairStepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One command by which a pair was ordered: what was sent (the transport, the CDB in hex and its data) or run (an
    argument list), how it ended, an excerpt of what it answered or printed, and seconds."""

    what: str
    ended: str = ""
    excerpt: str = ""
    seconds: float = 0.0


class PairOrderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One order to a pair of volumes, which are named by their roles.

    `command` is CCI's name for it. `before` is the state that it met, `expected` the answer and the state that had to
    come, by `rule`; `answer` is how it was answered, `shown` what the pair showed then, on both volumes. `breach` says
    which of them was wrong, empty where none was. `kind`, `group`, `whole_group` and `pace` are its options.
    """

    command: str
    primary: str
    secondary: str
    kind: str = ""
    group: int = 0
    whole_group: bool = False
    pace: int = 0
    before: str
    expected: str
    rule: str = ""
    answer: str
    shown: str
    breach: str = ""
    steps: list[PairStepRecord] = []


class OffloadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the host moved while `copied` bytes were copied by the target: blocks and parameters in bytes `by_commands`
    of this run, and `by_kernel` at the block nodes, None where there are none.

    `stopped` says that the process which ordered the copy stood still meanwhile. `seconds` is what the copy took,
    `host_seconds` what the host took to copy the same blocks itself, None where it could not.
    """

    copied: int
    by_commands: int = 0
    parameters: int = 0
    by_kernel: int | None = None
    stopped: bool = False
    seconds: float = 0.0
    host_seconds: float | None = None


class FaultRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks of a unit that were made unreadable for a while: a read of them ends in `sense`, key/ASC/ASCQ in hex."""

    unit: str
    lba: int
    blocks: int
    sense: str


class BlockRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks checked and found right, and the wrong ones counted by diagnosis, with the first example of each."""

    checked: int = 0
    right: int = 0
    labels_checked: int = 0
    wrong: dict[str, int] = {}
    examples: list[str] = []


class CaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One judged case: `test` is `module::name[param]`; `cause` is one line, empty for PASS unless something is to be
    said of it. `faults` were there when the judged command ran; `orders` are those to pairs of volumes, all of them
    judged; `offload` is what the host moved while they were copied, where that was counted."""

    test: str
    case: str = ""
    requirement: str
    verdict: Verdict
    cause: str = ""
    expected: str = ""
    observed: str = ""
    deviation: str = ""
    duration: float = 0.0
    blocks: BlockRecord = BlockRecord()
    commands: list[CommandRecord] = []
    faults: list[FaultRecord] = []
    orders: list[PairOrderRecord] = []
    offload: OffloadRecord | None = None


class RequirementRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement of the catalogue, run or not. `level` is mandatory, recommended or optional; reports group by
    `chapter`."""

    id: str
    title: str
    chapter: str = ""
    source: str
    level: str
    verdict: Verdict
    cause: str = ""
    cases: list[CaseRecord] = []
    blocks: BlockRecord = BlockRecord()
    duration: float = 0.0


class LunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One logical unit as it was found; sizes in blocks and bytes a block."""

    role: str
    naa: str
    serial: str = ""
    blocks: int
    block_size: int
    protection: int = 0


class TargetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which target this was, and by which transport commands reached it."""

    name: str
    driver: str
    vendor: str = ""
    product: str = ""
    revision: str = ""
    kernel: str = ""
    profile: str = ""
    transport: str = ""
    luns: list[LunRecord] = []
    parameters: OperatingParameters | None = None
    capabilities: dict[str, str] = {}


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. `interrupted` says why it ended early, empty when it did not; `verification` what
    was found at its end, None where no test brought the target up."""

    schema: str = SCHEMA
    started: str
    finished: str
    duration: float
    seed: int
    strict: bool = False
    interrupted: str = ""
    target: TargetRecord
    tools: dict[str, str]
    verification: Verification | None = None
    fuzz: FuzzRecord | None = None
    requirements: list[RequirementRecord]
    summary: dict[str, int]
