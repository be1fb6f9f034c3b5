"""The end of an iSCSI session, told to the array before the next command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.serving.inproc import Served
from copyproof.serving.tcmu.job import Port
from copyproof.serving.tcmu.server import Desk
from copyproof.serving.tcmu.sessions import Login, Sessions
from copyproof.targets.drivers.lio import ground, iscsi
from copyproof.targets.drivers.tcmu.driver import TcmuDriver
from copyproof.targets.lease import Mark
from copyproof.targets.spec import load
from tests.unit.serving.kernel import Kernel, Wired

# As Linux 6.1 writes it.
LOGGED_IN = """InitiatorName: iqn.2003-01.org.example:host
LIO Session ID: {}   ISID: 0x80 ab cd 00 00 00  TSIH: 7  SessionType: Normal
Session State: TARG_SESS_STATE_LOGGED_IN
"""
NOBODY = "No active iSCSI Session for Initiator Endpoint: iqn.2003-01.org.example:host\n"
RESERVE, TEST_UNIT_READY = bytes([0x16, 0, 0, 0, 0, 0]), bytes(6)
GOOD, CHECK, CONFLICT = 0x00, 0x02, 0x18


@pytest.fixture
def info(tmp_path: Path) -> Path:
    path = tmp_path / "info"
    path.write_text(LOGGED_IN.format(7))
    return path


@pytest.mark.parametrize("after", [NOBODY, LOGGED_IN.format(8), LOGGED_IN.format(70), "", "LIO Session ID: none"])
def test_a_session_that_ended_or_gave_way_is_lost_once(info: Path, after: str) -> None:
    sessions = Sessions((Login("host", info),))
    info.write_text(after)
    assert sessions.lost() == ("host",)
    assert sessions.lost() == ()


def test_an_acl_that_was_taken_away_has_no_session(info: Path) -> None:
    sessions = Sessions((Login("host", info),))
    info.unlink()
    assert sessions.lost() == ("host",)


def test_a_first_login_and_what_happens_within_a_session_lose_nothing(info: Path) -> None:
    info.write_text(NOBODY)
    sessions = Sessions((Login("host", info), Login("other", info.with_name("elsewhere"))))
    for said in (LOGGED_IN.format(7), LOGGED_IN.format(7) + "CID: 1  Connection State: TARG_CONN_STATE_LOGGED_IN"):
        info.write_text(said)
        assert sessions.lost() == ()


@dataclass(frozen=True)
class Way:
    """An initiator's way to volume 1."""

    kernel: Kernel
    station: Wired
    desk: Desk

    def send(self, cdb: bytes) -> tuple[int, bytes]:
        """Have a command answered, and return status and sense key, ASC and ASCQ."""
        at = self.kernel.queue(cdb)
        self.desk.answer(self.station)
        response = self.kernel.response(at)
        return response.status, bytes([response.sense[2], *response.sense[12:14]])


@pytest.fixture
def ways(info: Path) -> Iterator[list[Way]]:
    """Those of the initiators host, whose session is watched, and other."""
    desk = Desk(Served(ArraySettings(volumes=(VolumeSettings(1, 64),))), Sessions((Login("host", info),)))
    kernels = {name: Kernel() for name in ("host", "other")}
    made = [Way(kernel, Wired(kernel, Port(name, 1, "")), desk) for name, kernel in kernels.items()]
    yield made
    for way in made:
        way.station.close()


def test_a_reservation_ends_with_the_session_that_made_it(ways: list[Way], info: Path) -> None:
    host, other = ways
    for way in ways:
        assert way.send(TEST_UNIT_READY) == (CHECK, b"\x06\x29\x00")
    assert host.send(RESERVE)[0] == GOOD
    assert other.send(RESERVE)[0] == CONFLICT
    info.write_text(LOGGED_IN.format(8))
    assert other.send(RESERVE)[0] == GOOD
    assert host.send(TEST_UNIT_READY) == (CHECK, b"\x06\x29\x07")
    assert host.send(TEST_UNIT_READY)[0] == CONFLICT


@pytest.mark.parametrize(("name", "initiators"), [("tcmu-iscsi", ["host", "other"]), ("tcmu-array", [])])
def test_a_target_on_iscsi_watches_both_its_initiators_and_one_on_tcm_loop_none(
    name: str, initiators: list[str]
) -> None:
    mark = Mark("00c0ffe", "main")
    logins = TcmuDriver(load(name))._logins(mark)
    assert [login.initiator for login in logins] == initiators
    acls = ground.CONFIGFS / "target/iscsi" / iscsi.names(mark).target / "tpgt_1/acls"
    watched = [acls / getattr(iscsi.names(mark), initiator) / "info" for initiator in initiators]
    assert [login.info for login in logins] == watched
