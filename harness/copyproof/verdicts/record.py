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
    """One judged case: `test` is `module::name[param]`; `cause` is one line, empty for PASS. `faults` were there when
    the judged command ran."""

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
