"""A unit that another initiator reserves while a copy goes on in the background."""

from __future__ import annotations

from copyproof.array.server.copy_operations import Phase
from copyproof.array.settings import CopyLimits
from copyproof.scsi.cdb import ReceiveCopy
from copyproof.scsi.command import Command, Status
from copyproof.scsi.layout import number
from copyproof.scsi.sense import Origin, decode_sense
from copyproof.scsi.token import Range, write_using_token, zero_token
from tests.array.server.copy_bench import OTHER, SIZE, SOURCE, bench


def test_a_reservation_ends_the_write_of_a_token_with_its_status_forwarded() -> None:
    array = bench(copy=CopyLimits(chunk_blocks=4))
    assert array.send(write_using_token(zero_token(), [Range(0, 12)], 7, immediate=True)).good
    array.server.run(1)
    assert array.send(Command(bytes.fromhex("160000000000")), SOURCE, OTHER).good
    array.server.run(3)
    assert array.send(Command(bytes.fromhex("170000000000")), SOURCE, OTHER).good
    told = array.receive(ReceiveCopy.ROD_TOKEN_INFORMATION, 7).data
    sense = decode_sense(told[32:])
    assert sense is not None
    assert (told[5], number(told, 16, 8)) == (Phase.FAILED, 4)
    assert str(sense) == "0A/0D/01"
    assert [(item.origin, item.status) for item in sense.forwarded] == [
        (Origin.DESTINATION, Status.RESERVATION_CONFLICT)
    ]
    assert array.data(SOURCE, 0, 4).tobytes() == bytes(4 * SIZE)
    assert (array.data(SOURCE, 4, 8) == array.first[SOURCE][4:12]).all()
