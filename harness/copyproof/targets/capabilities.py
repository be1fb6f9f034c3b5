"""What a target can do, probed once: pages, parameters, and trial where nothing says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from copyproof.errors import DeviceError, MalformedAnswer
from copyproof.integrity import kernel_blindness
from copyproof.scsi import cdb
from copyproof.scsi.answers import OperatingParameters, parse_operating_parameters
from copyproof.scsi.cdb import opcode_name
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.copylist import COUNT_LIMIT, CSCD_LENGTH, SEGMENT
from copyproof.scsi.inquiry import Inquiry, parse_inquiry
from copyproof.scsi.sense import SenseKey
from copyproof.targets.live import LiveTarget, Lun, Role
from copyproof.targets.spec import LabelProbe
from copyproof.transport.base import Transport
from copyproof.transport.inband import InBandLabels

#: Seconds that a probing command may take.
PATIENCE = 30.0
SPC4_VERSION = 6
#: INVALID COMMAND OPERATION CODE and INVALID FIELD IN CDB, as a unit refuses what it does not implement (SPC-4 4.2.5).
NOT_IMPLEMENTED = {(SenseKey.ILLEGAL_REQUEST, 0x20), (SenseKey.ILLEGAL_REQUEST, 0x24)}
TRIES = 5
#: What fits in a parameter list: bytes of its CSCD descriptor list, and all the bytes that one command sends.
CSCD_LIST_LIMIT, LIST_LIMIT = 0xFFFF, 1 << 20


class Capability(Enum):
    """Something a test may need. The second group is about what can be seen, not about what the target does, the third
    about pairs."""

    LID1 = "EXTENDED COPY(LID1)"
    PARAMETERS = "RECEIVE COPY OPERATING PARAMETERS"
    VPD_8F = "Third-party Copy VPD page"
    RSOC = "REPORT SUPPORTED OPERATION CODES"
    SEGMENTS_2 = "two segment descriptors in a list"
    SNLID = "copies without a list identifier (SNLID)"
    SPC4 = "INQUIRY version 6 (SPC-4) or newer"
    CSCD_LIMIT = "a maximum number of CSCD descriptors that a list can exceed"
    SEGMENT_LIMIT = "a maximum number of segment descriptors that a list can exceed"
    LIST_LIMIT = "a maximum descriptor list length that a list can exceed"
    SEGMENT_LENGTH_LIMIT = "a maximum segment length that a segment descriptor can exceed"
    INLINE_LIMIT = "an inline data limit that a list can exceed"

    BYSTANDER = "a bystander unit"
    HIDDEN = "a unit that is mapped to another initiator only"
    HIDDEN_WITNESS = "a way to see the unit that is mapped to another initiator only"
    READONLY = "a unit that is mapped read-only"
    LABELS = "a way to see labels"
    SIDECAR = "a way to put wrong labels in place"
    TRACE = "a trace of what the controller does inside"

    PAIRS = "pairs of volumes"
    PAIR_GROUPS = "consistency groups, and volumes for a second pair"
    PAIR_SECONDARIES = "three secondaries of one primary"
    PAIR_FOURTH = "three secondaries of one primary, and a volume for a fourth"
    INVENTORY = "an inventory of the array"
    COMMAND_LINE = "pairs that a command line shows"

    @property
    def observes(self) -> bool:
        """Whether its lack makes a requirement NOT_OBSERVABLE rather than NOT_SUPPORTED."""
        return self in _OBSERVING


_SHOWING = {LabelProbe.SIDECAR, LabelProbe.RDPROTECT}
_OBSERVING = {
    Capability.BYSTANDER,
    Capability.HIDDEN,
    Capability.HIDDEN_WITNESS,
    Capability.READONLY,
    Capability.LABELS,
    Capability.SIDECAR,
    Capability.TRACE,
    Capability.INVENTORY,
    Capability.COMMAND_LINE,
}
THREE = 3
"""The secondaries that a primary has in the guides, of the first level."""
_PAIR = (Role.PRIMARY, Role.SECONDARY)
_SECONDARIES = (*_PAIR, Role.SECONDARY_2, Role.SECONDARY_3)
_PAIRED = {
    Capability.PAIRS: _PAIR,
    Capability.PAIR_GROUPS: (*_PAIR, Role.OTHER_PRIMARY, Role.OTHER_SECONDARY),
    Capability.PAIR_SECONDARIES: _SECONDARIES,
    Capability.PAIR_FOURTH: (*_SECONDARIES, Role.OTHER_SECONDARY),
}

_BY_PARAMETERS = (
    Capability.PARAMETERS,
    Capability.SEGMENTS_2,
    Capability.SNLID,
    Capability.CSCD_LIMIT,
    Capability.SEGMENT_LIMIT,
    Capability.LIST_LIMIT,
    Capability.SEGMENT_LENGTH_LIMIT,
    Capability.INLINE_LIMIT,
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found: for each capability that is lacking, why; the answers that tests need again."""

    lacking: Mapping[Capability, str]
    inquiry: Inquiry
    parameters: OperatingParameters | None = None

    def why_not(self, capability: Capability) -> str:
        """Return why a capability is lacking, or an empty string when it is there."""
        return self.lacking.get(capability, "")

    def has(self, capability: Capability) -> bool:
        """Whether a capability is there."""
        return not self.why_not(capability)

    def described(self) -> dict[str, str]:
        """Return name → `yes` or the reason why not, for the record."""
        return {item.name: self.why_not(item) or "yes" for item in Capability}


def probe(target: LiveTarget, transport: Transport) -> Capabilities:
    """Ask one unit of a target, and look at what the target file offers; raises DeviceError when INQUIRY itself
    fails."""
    inquiry = parse_inquiry(_need(_answer(transport, cdb.inquiry())))
    parameters, problem = _parameters(transport)
    lacking = _asked(transport, inquiry) | _limits(target, parameters, problem) | _offered(target, transport)
    return Capabilities({key: why for key, why in lacking.items() if why}, inquiry, parameters)


def _asked(transport: Transport, inquiry: Inquiry) -> dict[Capability, str]:
    return {
        Capability.LID1: _lacks(transport, cdb.extended_copy(b""), "EXTENDED COPY"),
        Capability.VPD_8F: _lacks(transport, cdb.inquiry(0x8F, 4096), "VPD page 8Fh"),
        Capability.RSOC: _lacks(transport, cdb.report_supported_opcodes(), "REPORT SUPPORTED OPERATION CODES"),
        Capability.SPC4: "" if inquiry.version >= SPC4_VERSION else f"INQUIRY version is {inquiry.version:02X}h",
    }


def _parameters(transport: Transport) -> tuple[OperatingParameters | None, str]:
    command = cdb.receive_copy_results(cdb.ReceiveCopy.OPERATING_PARAMETERS)
    if why := _lacks(transport, command, "RECEIVE COPY OPERATING PARAMETERS"):
        return None, why
    try:
        return parse_operating_parameters(_answer(transport, command).data), ""
    except MalformedAnswer as malformed:
        return None, f"the operating parameters are malformed: {malformed}"


def _limits(target: LiveTarget, parameters: OperatingParameters | None, problem: str) -> dict[Capability, str]:
    """Say which limits can be exceeded by a list that can be written; 0 is no limit (SPC-4 6.22)."""
    if parameters is None:
        return dict.fromkeys(_BY_PARAMETERS, problem)
    block = target.lun(Role.SOURCE).device.block_size
    return {
        Capability.SEGMENTS_2: ""
        if parameters.max_segments != 1
        else "the target takes 1 segment descriptor in a list",
        Capability.SNLID: "" if parameters.no_list_identifier else "SNLID is 0",
        Capability.CSCD_LIMIT: _limit(parameters.max_cscds, CSCD_LIST_LIMIT // CSCD_LENGTH),
        Capability.SEGMENT_LIMIT: _limit(parameters.max_segments, LIST_LIMIT // 2 // SEGMENT.size),
        Capability.LIST_LIMIT: _limit(parameters.max_list_length, CSCD_LIST_LIMIT - CSCD_LENGTH),
        Capability.SEGMENT_LENGTH_LIMIT: _limit(parameters.max_segment_length, COUNT_LIMIT * block),
        Capability.INLINE_LIMIT: _limit(parameters.max_inline_length + 1, LIST_LIMIT // 2),
    }


def _limit(named: int, writable: int) -> str:
    if not named:
        return "the target names no limit"
    return "" if named < writable else f"no list can exceed the limit of {named}"


def _offered(target: LiveTarget, transport: Transport) -> dict[Capability, str]:
    roles = {Capability.BYSTANDER: Role.BYSTANDER, Capability.HIDDEN: Role.HIDDEN, Capability.READONLY: Role.READONLY}
    missing = {
        name: "" if role in target.luns else f"the target has no {role.value} unit" for name, role in roles.items()
    }
    witness = Role.HIDDEN in target.luns and target.lun(Role.HIDDEN).readable
    destination = target.lun(Role.DESTINATION)
    formatted = "" if destination.device.protection else "the destination is not formatted with protection information"
    return missing | {
        Capability.HIDDEN_WITNESS: "" if witness else "no node here shows the hidden unit",
        Capability.LABELS: formatted or _unseen(target, destination, transport),
        Capability.SIDECAR: formatted or _unchangeable(target, destination, transport),
        Capability.TRACE: "" if target.control else "the target is no white box: nothing shows its inside",
        **{item: _unpaired(target, item) for item in _PAIRED},
        Capability.INVENTORY: _without_inventory(target),
        Capability.COMMAND_LINE: _without_command_line(target),
    }


def _without_inventory(target: LiveTarget) -> str:
    pairs = target.spec.pairs
    return "" if pairs and pairs.way == "inband" else "the target takes no ARRAY INVENTORY (docs/pair-commands.md)"


def _without_command_line(target: LiveTarget) -> str:
    """Say why no command line shows the pairs: `copyproof cci` reaches units by nodes, an array of this process by a
    socket."""
    pairs = target.spec.pairs
    if pairs is None:
        return "the target file declares no pairs"
    reached = target.control is not None or target.lun(Role.SOURCE).device.sg
    return "" if pairs.way == "command" or reached else "its units have no nodes that a command line could reach"


def _unpaired(target: LiveTarget, item: Capability) -> str:
    """Say what is missing for pairs, in what the target file declares and in its volumes."""
    pairs = target.spec.pairs
    if pairs is None:
        return "the target file declares no pairs"
    if item is Capability.PAIR_GROUPS and not pairs.groups:
        return "the target declares no consistency groups"
    if item in (Capability.PAIR_SECONDARIES, Capability.PAIR_FOURTH) and pairs.secondaries != THREE:
        return f"the target declares {pairs.secondaries} secondaries of a primary, not {THREE}"
    missing = [role.value for role in _PAIRED[item] if role not in target.luns]
    return f"the target has no {' and no '.join(missing)} unit" if missing else ""


def _unseen(target: LiveTarget, lun: Lun, transport: Transport) -> str:
    """Say why labels would not be seen: a probe that is named must work, and one of them must show the tags."""
    found: dict[LabelProbe, Callable[[], str]] = {
        LabelProbe.SIDECAR: lambda: "" if lun.sidecar else "there is no sidecar file",
        LabelProbe.KERNEL: lambda: next(filter(None, map(kernel_blindness, lun.device.block)), ""),
        LabelProbe.RDPROTECT: lambda: InBandLabels(transport, lun.device.block_size).blindness(),
    }
    named = [probe for probe in target.spec.labels.probes if probe in found]
    if not _SHOWING & set(named):
        return "no label probe shows the tags: the kernel checks them on read, but an escape tag would pass unseen"
    return "; ".join(filter(None, (found[probe]() for probe in named)))


def _unchangeable(target: LiveTarget, lun: Lun, transport: Transport) -> str:
    """Say why no wrong label can be put in place: past the target, or in band where it takes it unchecked."""
    if LabelProbe.RDPROTECT in target.spec.labels.probes:
        return InBandLabels(transport, lun.device.block_size).rigidity()
    return "" if lun.sidecar and LabelProbe.SIDECAR in target.spec.labels.probes else "there is no sidecar file"


def _lacks(transport: Transport, command: Command, what: str) -> str:
    """Say that a command is not implemented; another refusal of it is for a test to judge."""
    result = _answer(transport, command)
    lacking = result.sense is not None and (result.sense.key, result.sense.asc) in NOT_IMPLEMENTED
    return f"{what} ends in {_shown(result)}" if lacking else ""


def _answer(transport: Transport, command: Command) -> Result:
    """Return a settled answer: neither a unit attention nor a device that is busy says what a target can do."""
    for _ in range(TRIES):
        result = transport.execute(command, PATIENCE)
        if not result.unit_attention and result.status in (Status.GOOD, Status.CHECK_CONDITION):
            return result
    raise DeviceError(f"{transport.name} cannot be probed: {opcode_name(command.cdb)} ends in {_shown(result)}")


def _shown(result: Result) -> str:
    return str(result.sense) if result.sense else result.status.name


def _need(result: Result) -> bytes:
    if not result.good:
        raise MalformedAnswer(f"INQUIRY ends in {_shown(result)}")
    return result.data
