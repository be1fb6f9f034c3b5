"""The test machine as its user sees it; each test boots it, so they are few."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VM = str(ROOT / "ci/vm")


def vm(*arguments: str, folder: Path = ROOT, merged: bool = False) -> subprocess.CompletedProcess[bytes]:
    error = subprocess.STDOUT if merged else subprocess.PIPE
    return subprocess.run(
        [VM, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=error, check=False
    )


def machine_of(process: subprocess.Popen[bytes]) -> Path:
    """Return the folder in /proc of the QEMU that a running ci/vm has started."""
    deadline = time.monotonic() + 30
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < deadline:
        for child in children.read_text().split():
            if b"copyproof.control" in Path("/proc", child, "cmdline").read_bytes():
                return Path("/proc", child)
        time.sleep(0.05)
    raise AssertionError("no machine was started")


def gone(machine: Path) -> bool:
    """Tell whether a process has ended within 5 s; one that only waits to be reaped has."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not machine.exists() or b"copyproof.control" not in (machine / "cmdline").read_bytes():
            return True
        time.sleep(0.05)
    return False


def test_status_arguments_folder_and_both_streams_come_back(tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("from the host\n")
    program = 'printf "%s|" "$@"; pwd; id -u; cat seen; echo wrong >&2; exit 7'
    done = vm("--", "sh", "-c", program, "sh", "a  b", "$HOME", "it's", "", folder=tmp_path)
    assert done.stdout.decode().split("|") == ["a  b", "$HOME", "it's", "", f"{tmp_path}\n0\nfrom the host\n"]
    assert done.stderr.splitlines()[-1] == b"wrong"
    assert done.returncode == 7


def test_a_hundred_thousand_lines_and_every_byte_arrive_whole_in_order_and_early() -> None:
    begin = time.monotonic()
    program = (
        "import os, sys, hashlib, time\n"
        "print('first', flush=True); time.sleep(2)\n"
        "data = bytes(range(256)) * 512 + b''.join(b'%d\\n' % n for n in range(100000))\n"
        "sys.stdout.buffer.write(data); sys.stdout.flush()\n"
        "for n in range(50): os.write(1 + n % 2, b'%d ' % n)\n"
    )
    with subprocess.Popen([VM, "python", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"first\n"
        first = time.monotonic() - begin
        rest = process.stdout.read()
        whole = time.monotonic() - begin
    data = bytes(range(256)) * 512 + b"".join(b"%d\n" % n for n in range(100000))
    expected = data + b"".join(b"%d " % n for n in range(50))
    assert hashlib.sha256(rest).digest() == hashlib.sha256(expected).digest()
    assert process.returncode == 0
    assert whole - first > 1.5


def test_out_is_writable_and_kept_and_the_rest_of_the_host_is_safe(tmp_path: Path) -> None:
    kept = ROOT / "out" / f"kept-{os.getpid()}"
    lost = ROOT / f"lost-{os.getpid()}"
    try:
        done = vm("sh", "-c", f"echo 1 >{kept}; echo 2 >{lost}; cat {lost}; mount | grep -c configfs; ls /dev/sg0")
        assert done.stdout == b"2\n1\n"
        assert kept.read_text() == "1\n"
        assert not lost.exists()
    finally:
        kept.unlink(missing_ok=True)


def test_a_hung_guest_ends_at_the_time_out() -> None:
    with subprocess.Popen([VM, "--timeout", "15", "sleep", "1000"], stderr=subprocess.PIPE) as process:
        machine = machine_of(process)
        _, said = process.communicate()
    assert process.returncode == 124
    assert b"ended after 15 s" in said
    assert gone(machine)


@pytest.mark.parametrize(
    ("death", "words"),
    [("echo o >/proc/sysrq-trigger; sleep 60", b""), ("echo c >/proc/sysrq-trigger", b"Kernel panic")],
)
def test_a_lost_result_is_a_failure(death: str, words: bytes) -> None:
    done = vm("sh", "-c", f"echo started; {death}")
    assert done.returncode == 125
    assert done.stdout == b"started\n"
    assert b"without a result" in done.stderr
    assert words in done.stderr


def test_a_process_left_behind_does_not_hold_the_machine() -> None:
    begin = time.monotonic()
    done = vm("sh", "-c", "sleep 1000 & echo done")
    assert done.returncode == 0
    assert done.stdout == b"done\n"
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_ending_the_command_ends_the_machine(number: signal.Signals) -> None:
    with subprocess.Popen([VM, "sh", "-c", "echo up; sleep 1000"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        machine = machine_of(process)
        process.send_signal(number)
        process.wait(20)
    assert process.returncode in (128 + number, -number)
    assert gone(machine)


@pytest.mark.nightly
def test_the_first_line_and_the_first_test_come_in_time(tmp_path: Path) -> None:
    """The limits hold for two cores with nothing else to do."""
    (tmp_path / "test_now.py").write_text("import os\n\ndef test_now() -> None:\n    os.write(9, b'now\\n')\n")
    begin = time.monotonic()
    program = "echo line; exec 9>&1; python -m pytest -q test_now.py >/dev/null"
    with subprocess.Popen([VM, "sh", "-c", program], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"line\n"
        line = time.monotonic() - begin
        assert process.stdout.readline() == b"now\n"
        test = time.monotonic() - begin
    assert process.returncode == 0
    assert line <= 20
    assert test <= 45


def test_two_machines_at_once_do_not_mix() -> None:
    command = [VM, "sh", "-c", "echo $0; sleep 3; echo $0"]
    both = [subprocess.Popen([*command, name], stdout=subprocess.PIPE) for name in ("one", "two")]
    said = [process.communicate()[0] for process in both]
    assert said == [b"one\none\n", b"two\ntwo\n"]


def test_a_missing_command_is_told_and_fails_like_in_a_shell() -> None:
    done = vm("no-such-program")
    assert done.returncode == 127
    assert b"no-such-program" in done.stderr
