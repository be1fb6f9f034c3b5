"""An array served by a local socket: what comes through is what comes in process, and what is no frame does no harm."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.errors import MalformedAnswer, TargetLost, TransportError, TransportTimeout, UsageError
from copyproof.scsi.cdb import inquiry, read16, test_unit_ready, write16
from copyproof.scsi.command import Command, Status
from copyproof.scsi.frames import PART_MOST, Asked, Told, read_frame
from copyproof.serving.inproc import Served
from copyproof.serving.socket import Seat, ServedSocket
from copyproof.transport.base import drain
from copyproof.transport.inprocess import InProcess
from copyproof.transport.socket import SocketPath

NAAS = {1: "60200000000000000000000000000001", 2: "60200000000000000000000000000002"}
SIZE = 512


@pytest.fixture
def array() -> Served:
    return Served(ArraySettings(volumes=tuple(VolumeSettings(number, 2048, naa) for number, naa in NAAS.items())))


@pytest.fixture
def path(array: Served, tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o700)
    with ServedSocket(tmp_path / "array", array, {naa: Seat("host", number) for number, naa in NAAS.items()}):
        yield tmp_path / "array"


def test_data_sense_and_residual_come_through_as_in_process(array: Served, path: Path) -> None:
    here = InProcess(array, "other", 1, "source")
    with closing(SocketPath(path, NAAS[1])) as there:
        drain(here, 5)
        drain(there, 5)
        for command in (write16(5, b"\x42" * SIZE, SIZE), read16(5, 1, SIZE), read16(4096, 1, SIZE), inquiry(0x83)):
            one, other = there.execute(command, 5), here.execute(command, 5)
            assert (one.status, one.sense, one.data, one.residual) == (
                other.status, other.sense, other.data, other.residual,
            )  # fmt: skip
    assert here.execute(read16(5, 1, SIZE), 5).data == b"\x42" * SIZE


def test_each_naa_leads_to_its_own_unit(path: Path) -> None:
    for naa in NAAS.values():
        with closing(SocketPath(path, naa)) as way:
            assert bytes.fromhex(naa) in way.execute(inquiry(0x83), 5).data


def test_a_naa_that_no_unit_has_is_a_lost_target(path: Path) -> None:
    stranger = "6020000000000000000000000000000f"
    with closing(SocketPath(path, stranger)) as way, pytest.raises(TargetLost, match=f"no unit has the NAA {stranger}"):
        way.execute(test_unit_ready(), 5)


def test_two_askers_at_once_get_each_their_own_answers(path: Path) -> None:
    wrong: list[str] = []

    def ask(naa: str) -> None:
        way = SocketPath(path, naa)
        for _ in range(50):
            if bytes.fromhex(naa) not in way.execute(inquiry(0x83), 5).data:
                wrong.append(naa)
        way.close()

    threads = [threading.Thread(target=ask, args=(naa,)) for naa in NAAS.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_who_says_what_is_no_frame_is_hung_up_on_and_the_next_is_served(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as rude:
        rude.connect(str(path))
        rude.sendall(b"\xff" * 64)
        assert rude.recv(1) == b""
    with closing(SocketPath(path, NAAS[1])) as way:
        assert way.execute(inquiry(), 5).good


def test_after_the_array_has_gone_the_target_is_lost(array: Served, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with ServedSocket(tmp_path / "array", array, {NAAS[1]: Seat("host", 1)}):
        pass
    with pytest.raises(TargetLost, match="nobody serves"):
        SocketPath(tmp_path / "array", NAAS[1]).execute(test_unit_ready(), 5)
    assert not (tmp_path / "array").exists()


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o720, 0o701])
def test_a_folder_that_others_may_enter_is_refused(array: Served, tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(UsageError, match="open to other users: chmod go="):
        ServedSocket(tmp_path / "array", array, {})


def test_a_path_that_is_too_long_for_a_socket_is_refused(array: Served, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 107 bytes; set TMPDIR"):
        ServedSocket(tmp_path / ("a" * 108), array, {})


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", TargetLost),
        (Told(0).encode()[:9], TransportError),
        (Told(0x55).encode(), TransportError),
        (Told(Status.GOOD, data=bytes(11)).encode(), TransportError),
    ],
    ids=["none", "half a frame", "no status", "more data than asked for"],
)
def test_what_is_no_answer_is_an_error_and_never_good(tmp_path: Path, answer: bytes, error: type[Exception]) -> None:
    with socket.socket(socket.AF_UNIX) as liar:
        liar.bind(str(tmp_path / "array"))
        liar.listen()

        def lie() -> None:
            with liar.accept()[0] as asker:
                asker.recv(4096)
                asker.sendall(answer)

        thread = threading.Thread(target=lie)
        thread.start()
        with closing(SocketPath(tmp_path / "array", NAAS[1])) as way, pytest.raises(error):
            way.execute(Command(bytes(6), data_in=10), 5)
        thread.join()


def test_an_array_that_hangs_up_between_two_commands_is_a_lost_target(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one_time:
        one_time.bind(str(tmp_path / "array"))
        one_time.listen()

        def answer_once() -> None:
            with one_time.accept()[0] as asker:
                asker.recv(4096)
                asker.sendall(Told(0).encode())

        thread = threading.Thread(target=answer_once)
        thread.start()
        with closing(SocketPath(tmp_path / "array", NAAS[1])) as way:
            assert way.execute(test_unit_ready(), 5).good
            thread.join()
            with pytest.raises(TargetLost, match=f"socket:{NAAS[1]}: nobody serves .*: Broken pipe"):
                way.execute(test_unit_ready(), 5)


def test_an_answer_that_does_not_come_is_a_time_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "array"))
        silent.listen()
        with pytest.raises(TransportTimeout, match="the outcome is unknown"):
            SocketPath(tmp_path / "array", NAAS[1]).execute(test_unit_ready(), 0.05)


def test_a_frame_of_more_than_a_command_may_have_is_not_even_read() -> None:
    head = bytearray(Asked(NAAS[1], test_unit_ready()).encode()[:32])
    head[12:16] = (PART_MOST + 1).to_bytes(4, "big")
    asked: list[int] = []

    def read(size: int) -> bytes:
        asked.append(size)
        return bytes(head) if len(asked) == 1 else bytes(size)

    with pytest.raises(MalformedAnswer, match="bytes of data_out, where 16777216 are the most"):
        read_frame(read, Asked)
    assert max(asked) < PART_MOST


@pytest.mark.parametrize("cut", [1, 511, 512 + 15])
def test_a_frame_that_ends_within_a_part_is_never_taken_for_a_shorter_one(cut: int) -> None:
    frame = io.BytesIO(Asked(NAAS[1], write16(5, b"\x42" * SIZE, SIZE)).encode()[:-cut])
    with pytest.raises(MalformedAnswer, match=r"frame of a command: it ends after \d+ of \d+ bytes of (data_out|cdb)$"):
        read_frame(frame.read, Asked)
