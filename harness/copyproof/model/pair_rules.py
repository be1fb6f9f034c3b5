"""What a pair command does in each state, and who may use the volumes: the guides' tables as data.

Sources: Hitachi ShadowImage User Guide and CCI Command Reference (commands against states, status and access of pairs).
Where the guides conflict or leave a cell out, it is a setting of `PairRules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import Answer, HostAccess, PairCommand, PairState

_COMMANDS = tuple(PairCommand)
_ANSWERS = {"A": Answer.DONE, "n": Answer.IGNORED, "R": Answer.REFUSED}

# In the order of PairCommand. The guides have no row for two states: in COPY(SP) a further split is answered as after a
# split, all else as in COPY; SMPL(PD) is answered as no pair is, but that none can be created yet.
_TABLE = {
    #                   create  -split  split  -E  -S  resync  -restore
    PairState.SMPL: "   A       A       R      R   n   R       R",
    PairState.SMPL_PD: "R       R       R      R   n   R       R",
    PairState.COPY: "   n       A       A      A   A   n       R",
    PairState.PAIR: "   n       A       A      A   A   n       R",
    PairState.COPY_SP: "n       n       n      A   A   n       R",
    PairState.PSUS_SP: "R       n       n      A   R   R       R",
    PairState.PSUS: "   R       n       n      A   A   A       A",
    PairState.COPY_RS: "n       A       R      A   A   n       R",
    PairState.RCPY: "   n       A       R      A   A   n       n",
    PairState.PSUE: "   R       n       n      n   A   A       R",
}

_ACCESS = {
    PairState.SMPL: (HostAccess.READ_WRITE, HostAccess.READ_WRITE),
    PairState.SMPL_PD: (HostAccess.NONE, HostAccess.NONE),
    PairState.COPY: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.PAIR: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.COPY_SP: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.PSUS_SP: (HostAccess.READ_WRITE, HostAccess.READ_WRITE),
    PairState.PSUS: (HostAccess.READ_WRITE, HostAccess.READ_WRITE),
    PairState.COPY_RS: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.RCPY: (HostAccess.NONE, HostAccess.READ),
    PairState.PSUE: (HostAccess.READ_WRITE, HostAccess.READ),
}

ANSWERS: Mapping[tuple[PairState, PairCommand], Answer] = MappingProxyType(
    {
        (state, command): _ANSWERS[letter]
        for state, row in _TABLE.items()
        for command, letter in zip(_COMMANDS, row.split(), strict=True)
    }
)
"""The answer to each command in each state, where nothing else speaks against it."""


@dataclass(frozen=True, slots=True)
class PairRules:
    """One target's rules; the defaults are what most guides say.

    `secondaries` is how many S-VOLs a P-VOL may have, 1 and up. `slot` is how many blocks the array notes as changed
    together, 1 and up: the guides' 256 KB are 512 blocks of 512 bytes.

    The guides conflict over, or leave out:

    - `split_of_resync`: pairsplit in COPY(RS) and RCPY; the table accepts it "from create";
    - `create_split_of_resync`: paircreate -split in the same two states;
    - `split_of_split`: pairsplit and paircreate -split in COPY(SP); where it is accepted, the later one is the image's
      point in time;
    - `resync_of_quick`: pairresync in PSUS(SP), which can be neither deleted nor reversed;
    - `primary_in_restore`: what a host may do with the P-VOL in RCPY; one guide says READ;
    - `while_deleting`: what it may do with both volumes in SMPL(PD), where access is "restricted";
    - `write_refused`, `read_refused`: the outcomes of host access that is refused; 07/27/00 is how the same arrays
      refuse a write elsewhere. Empty: any.

    Raises ValueError for numbers below 1.
    """

    secondaries: int = 3
    slot: int = 512
    split_of_resync: Answer = Answer.REFUSED
    create_split_of_resync: Answer = Answer.DONE
    split_of_split: Answer = Answer.IGNORED
    resync_of_quick: Answer = Answer.REFUSED
    primary_in_restore: HostAccess = HostAccess.NONE
    while_deleting: HostAccess = HostAccess.NONE
    write_refused: tuple[Outcome, ...] = field(default=(Outcome.parse("07/27/00"),))
    read_refused: tuple[Outcome, ...] = ()

    def __post_init__(self) -> None:
        if self.secondaries < 1 or self.slot < 1:
            raise ValueError(f"{self.secondaries} secondaries and slots of {self.slot} blocks: both must be 1 at least")

    def answer(self, state: PairState, command: PairCommand) -> Answer:
        """Return how a command is answered in a state, where nothing else speaks against it.

        >>> PairRules().answer(PairState.PSUS, PairCommand.RESYNC).value
        'accepted'
        """
        if state in (PairState.COPY_RS, PairState.RCPY) and command is PairCommand.SPLIT:
            return self.split_of_resync
        if state in (PairState.COPY_RS, PairState.RCPY) and command is PairCommand.CREATE_SPLIT:
            return self.create_split_of_resync
        if command in (PairCommand.SPLIT, PairCommand.CREATE_SPLIT) and state is PairState.COPY_SP:
            return self.split_of_split
        if command is PairCommand.RESYNC and state is PairState.PSUS_SP:
            return self.resync_of_quick
        return ANSWERS[state, command]

    def access(self, state: PairState) -> tuple[HostAccess, HostAccess]:
        """Return what a host may do with P-VOL and S-VOL.

        >>> [access.name for access in PairRules().access(PairState.PAIR)]
        ['READ_WRITE', 'READ']
        """
        if state is PairState.SMPL_PD:
            return self.while_deleting, self.while_deleting
        if state is PairState.RCPY:
            return self.primary_in_restore, _ACCESS[state][1]
        return _ACCESS[state]
