"""The control socket where its other side is slow, malicious, or of another version."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.errors import DeviceError, TargetLost
from copyproof.serving.control import TICKS_MOST, Conversation, Remote, answered
from copyproof.serving.inproc import Served
from copyproof.serving.tcmu.server import CONNECTIONS_MOST, Desk


@pytest.fixture
def array() -> Served:
    return Served(ArraySettings(volumes=(VolumeSettings(1, 64),)))


@pytest.mark.parametrize("member", [5, 10**30])
@pytest.mark.parametrize("do", ["fail_member", "replace_member"])
def test_a_member_that_is_not_there_is_refused(array: Served, do: str, member: int) -> None:
    line = b'{"do": "%s", "member": %d}' % (do.encode(), member)
    assert answered(array, line).startswith(b'{"refused":"there is no member')
    assert array.internal_errors() == ()


def test_more_ticks_than_may_pass_at_once_are_refused(array: Served) -> None:
    assert answered(array, b'{"do": "run", "ticks": %d}' % (TICKS_MOST + 1)).startswith(b'{"refused":')
    assert array.unit.tick == 0


def test_what_the_array_does_not_expect_is_answered_and_kept_as_its_own_error(array: Served) -> None:
    del array.unit
    assert answered(array, b'{"do": "inventory"}').startswith(b'{"refused":')
    (error,) = array.internal_errors()
    assert "AttributeError" in error


def test_who_does_not_read_its_answers_keeps_nobody_else_waiting(array: Served, tmp_path: Path) -> None:
    path = tmp_path / "control"
    # So long an answer that no socket's buffer takes it.
    array.internal_errors = lambda: ("x" * (1 << 24),)  # type: ignore[method-assign]
    with closing(socket.socket(socket.AF_UNIX)) as listening, closing(socket.socket(socket.AF_UNIX)) as stuck:
        listening.bind(str(path))
        listening.listen()
        desk = Desk(array)
        desk.watch(listening, lambda: desk.listen(listening))
        thread = threading.Thread(target=desk.serve, daemon=True)
        thread.start()
        stuck.connect(str(path))
        stuck.sendall(b'{"do": "internal_errors"}\n')
        assert stuck.recv(1) == b"{"
        beside = Remote(path)
        beside.run(1)
        beside.close()
        assert _rest(stuck).endswith(b'x"]}\n')
        desk.stop()
        thread.join(10)
        desk.close()


def test_who_hangs_up_is_answered_first_and_then_forgotten(array: Served) -> None:
    near, far = socket.socketpair()
    with near, far:
        talk = Conversation(near, array)
        far.sendall(b'{"do": "internal_errors"}\n')
        far.shutdown(socket.SHUT_WR)
        assert [talk.go_on(), talk.go_on()] == [True, False]
        assert far.recv(100) == b'{"done":[]}\n'


def test_more_connections_than_there_may_be_are_hung_up_on(array: Served, tmp_path: Path) -> None:
    path = str(tmp_path / "control")
    with closing(socket.socket(socket.AF_UNIX)) as listening, ExitStack() as stack:
        listening.bind(path)
        listening.listen(CONNECTIONS_MOST + 1)
        desk = Desk(array)
        stack.callback(desk.close)
        callers = [stack.enter_context(closing(socket.socket(socket.AF_UNIX))) for _ in range(CONNECTIONS_MOST + 1)]
        for caller in callers:
            caller.connect(path)
            desk.listen(listening)
        assert callers[-1].recv(1) == b""
        callers[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            callers[0].recv(1)


def _rest(connection: socket.socket) -> bytes:
    heard = b""
    while not heard.endswith(b"\n"):
        heard += connection.recv(1 << 20)
    return heard


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Callable[[bytes], Remote]]:
    """Something that takes connections one after the other, reads a line, says what it is told to, and hangs up."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "control"))
        listening.listen()

        def serve(said: tuple[bytes, ...]) -> None:
            for each in said:
                connection, _ = listening.accept()
                with closing(connection):
                    connection.recv(1 << 10)
                    connection.sendall(each)

        asking = Remote(tmp_path / "control")

        def remote(*said: bytes) -> Remote:
            threading.Thread(target=serve, args=(said,), daemon=True).start()
            return asking

        yield remote
        asking.close()


@pytest.mark.parametrize("said", [b"[]\n", b"{}\n", b'{"done": 7}\n', b'{"done": [7]}\n', b"nonsense\n"])
def test_an_answer_that_is_none_is_a_lost_target(answering: Callable[[bytes], Remote], said: bytes) -> None:
    with pytest.raises(TargetLost, match="gives no answer"):
        answering(said).internal_errors()


def test_half_an_answer_does_not_spoil_the_one_of_the_next_connection(answering: Callable[..., Remote]) -> None:
    remote = answering(b'{"done": ["ha', b'{"done": []}\n')
    with pytest.raises(TargetLost, match="it was closed"):
        remote.internal_errors()
    assert remote.internal_errors() == ()


def test_a_refusal_is_told_with_its_reason(answering: Callable[[bytes], Remote]) -> None:
    with pytest.raises(DeviceError, match="refuses hold: busy") as refused:
        answering(b'{"refused": "busy"}\n').hold()
    assert not isinstance(refused.value, TargetLost)
