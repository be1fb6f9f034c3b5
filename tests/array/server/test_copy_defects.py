"""Each thing that the copy manager can be told to do wrong shows in what the volumes hold, or in an answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from copyproof.array.core.errors import LabelFault, LabelKind
from copyproof.array.defects import Defect
from copyproof.scsi import cdb
from copyproof.scsi.cdb import ReceiveCopy
from copyproof.scsi.layout import number
from copyproof.scsi.token import Range, populate_token, write_using_token
from tests.array.server.copy_bench import (
    BYSTANDER,
    DESTINATION,
    HIDDEN,
    READ_ONLY,
    SIZE,
    SOURCE,
    Bench,
    bench,
    segment,
)


def right_place(array: Bench) -> bool:
    """Whether a copy puts every block in its place."""
    return array.copy(array.order(segment())).good and np.array_equal(
        array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24]
    )


def nothing_else(array: Bench) -> bool:
    """Whether a copy leaves all other blocks alone, on every volume."""
    array.copy(array.order(segment()))
    around = np.delete(array.data(DESTINATION), slice(64, 72), 0)
    before = np.delete(array.first[DESTINATION], slice(64, 72), 0)
    return array.untouched(DESTINATION) and np.array_equal(around, before)


def hidden_stays_hidden(array: Bench) -> bool:
    """Whether a copy from a volume that the initiator does not see is refused."""
    return str(array.copy(array.order(segment(), volumes=(HIDDEN, DESTINATION)), DESTINATION).sense) == "0A/08/04"


def read_only_stays(array: Bench) -> bool:
    """Whether a volume that the initiator may only read keeps what it holds."""
    array.copy(array.order(segment(), volumes=(SOURCE, READ_ONLY)))
    return array.untouched()


def residual_right(array: Bench) -> bool:
    """Whether a copy that ends after three blocks of eight says that five are missing."""
    copy = array.server.unit.copy

    def checked(source: int, source_lba: int, destination: int, destination_lba: int, count: int) -> None:
        if source_lba <= 19 < source_lba + count:
            raise LabelFault(LabelKind.GUARD, source, 19)
        copy(source, source_lba, destination, destination_lba, count)

    array.server.unit.copy = checked  # type: ignore[method-assign]
    answer = array.copy(array.order(segment()))
    return answer.sense is not None and answer.sense.information == 5


def status_once(array: Bench) -> bool:
    """Whether the status of a copy is gone after it was read."""
    array.copy(array.order(segment(), list_identifier=7))
    array.receive(ReceiveCopy.COPY_STATUS_LID1, 7)
    return not array.receive(ReceiveCopy.COPY_STATUS_LID1, 7).good


def token_is_a_point_in_time(array: Bench) -> bool:
    """Whether a token keeps what its blocks held when it was made."""
    array.send(populate_token([Range(16, 8)], 7))
    told = array.receive(ReceiveCopy.ROD_TOKEN_INFORMATION, 7).data
    assert number(told, 32, 4) == 514
    array.send(cdb.write10(16, bytes(8 * SIZE), SIZE))
    array.send(write_using_token(told[38:], [Range(64, 8)]), DESTINATION)
    return np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])


CLAIMS: dict[Defect, Callable[[Bench], bool]] = {
    Defect.COPY_NOT_EXECUTED: right_place,
    Defect.COPY_ENDS_EARLY: right_place,
    Defect.COPY_SHIFTED: right_place,
    Defect.COPY_OVERRUNS: nothing_else,
    Defect.COPY_STRAYS: nothing_else,
    Defect.COPY_REACHES_HIDDEN: hidden_stays_hidden,
    Defect.COPY_WRITES_READ_ONLY: read_only_stays,
    Defect.COPY_RESIDUAL_WRONG: residual_right,
    Defect.COPY_STATUS_STAYS: status_once,
    Defect.TOKEN_STALE: token_is_a_point_in_time,
}


@pytest.mark.parametrize("defect", CLAIMS, ids=lambda defect: defect.name)
def test_a_claim_holds_on_a_sound_array_and_fails_under_its_defect(defect: Defect) -> None:
    claim = CLAIMS[defect]
    assert claim(bench())
    assert not claim(bench(defect))


def test_every_defect_of_the_copy_manager_has_its_claim() -> None:
    assert set(CLAIMS) == {defect for defect in Defect if defect.name.startswith(("COPY_", "TOKEN_"))}


def test_a_copy_that_strays_hits_a_volume_that_it_does_not_name() -> None:
    array = bench(Defect.COPY_STRAYS)
    array.copy(array.order(segment()))
    assert np.array_equal(array.data(BYSTANDER, 64, 8), array.first[SOURCE][16:24])
