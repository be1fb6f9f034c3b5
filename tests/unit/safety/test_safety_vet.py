"""Which devices may be written to, as far as no device is needed to show it; tests/lio has the real ones."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from copyproof import data, inuse, safety
from copyproof.device import Device
from copyproof.errors import DeviceError, PermissionDenied, SafetyRefusal, TargetLost
from copyproof.process import Completed, takes
from copyproof.safety import Named, Permitted, Writer, open_for_write, permit, vet

NAA = "6001405aaaaaaaa00004000800000000"
OTHER = "6001405bbbbbbbb00004000800000000"
DEVICE = Device(naa=NAA, serial="S1", sg=(Path("/dev/sg1"),), block=(Path("/dev/sdx"),))
ITSELF = Named(naa=NAA)


def recorded(name: str, at: int = 0) -> Completed:
    return takes(data.folder("fixtures") / "transcripts" / f"{name}.json")[at].completed


class Desk:
    """Answers sg_raw by operation code with recorded answers of real devices, and writes down what was asked."""

    def __init__(self, keys: Completed | None = None, held: Completed | None = None) -> None:
        self.asked: list[str] = []
        self.answers = {
            "00": recorded("good"),
            "12": recorded("lio-vpd-83"),
            "5e 00": keys or recorded("lio-keys-none"),
            "5e 01": held or recorded("lio-keys-none", 1),
        }

    def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        node = next(at for at, word in enumerate(argv) if word.startswith("/dev/sg"))
        cdb = " ".join(argv[node + 1 :])
        self.asked.append(cdb)
        return next(answer for start, answer in self.answers.items() if cdb.startswith(start))


@pytest.fixture
def holders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(inuse, "holders", lambda nodes, run: tuple(found))
    return found


@pytest.fixture(autouse=True)
def _no_real_probe(holders: list[str]) -> None:
    """Nothing here looks at a device of this machine."""


def refusal(device: Device, named: Named, desk: Desk | None = None) -> str:
    with pytest.raises(SafetyRefusal) as caught:
        vet(device, named, desk or Desk())
    return str(caught.value)


@pytest.mark.parametrize("named", [ITSELF, Named(naa=NAA.upper()), Named(serial="S1"), Named(NAA, "S1")])
def test_a_free_device_that_is_named_may_be_written(named: Named) -> None:
    desk = Desk()
    assert permit([(DEVICE, named)], desk, opcodes=[0xC1]) == Permitted(frozenset({NAA}), frozenset({0xC1}))
    assert [cdb[:5] for cdb in desk.asked] == ["00 00", "12 01", "5e 00", "5e 01"]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (Named(), "the target file does not name it (give it a `naa` or `serial` there)"),
        (Named(naa=OTHER), f"its NAA is {NAA}, the target file says {OTHER} (correct `naa` there)"),
        (Named(serial="S2"), "its serial number is 'S1', the target file says 'S2' (correct `serial` there)"),
        (Named(NAA, "S2"), "its serial number is 'S1'"),
    ],
)
def test_a_device_that_is_not_meant_is_not_even_asked(named: Named, words: str) -> None:
    desk = Desk()
    said = refusal(DEVICE, named, desk)
    assert f"/dev/sdx (naa.{NAA})" in said
    assert words in said
    assert desk.asked == []


def test_a_device_without_naa_cannot_be_vetted() -> None:
    assert "no NAA designator" in refusal(Device(naa="", serial="S1"), Named(serial="S1"))


@pytest.mark.parametrize(
    "use", ["mounted on /home (sdx1)", "swap space in use (sdx)", "held by LVM vg-lv (dm-0 on sdx)"]
)
@pytest.mark.parametrize("destroy", [True, False])
def test_use_is_never_overruled(holders: list[str], use: str, destroy: bool) -> None:
    holders.append(use)
    assert f"{use} (stop that use first)" in refusal(DEVICE, Named(NAA, destroy=destroy))


@pytest.mark.parametrize("mark", ["partitioned: sdx1", "partition table: gpt", "signature: ext4"])
def test_a_mark_is_given_up_by_destroy_alone(holders: list[str], mark: str) -> None:
    holders.append(mark)
    assert f"{mark} (wipe it, or set `destroy = true` for this unit" in refusal(DEVICE, ITSELF)
    vet(DEVICE, Named(NAA, destroy=True), Desk())


def test_all_that_is_wrong_is_said_at_once(holders: list[str]) -> None:
    holders += ["mounted on /home (sdx1)", "signature: ext4"]
    said = refusal(DEVICE, Named())
    assert all(words in said for words in ("does not name it", "mounted", "signature"))


def test_the_unit_itself_is_asked_not_only_the_kernel() -> None:
    said = refusal(Device(naa=OTHER, sg=DEVICE.sg), Named(naa=OTHER))
    assert f"/dev/sg1 leads to {NAA} (rescan the bus, then try again)" in said


def test_a_device_without_sg_node_cannot_be_asked() -> None:
    assert "no sg node (modprobe sg)" in refusal(Device(naa=NAA), ITSELF)


def test_foreign_registrations_are_respected() -> None:
    said = refusal(DEVICE, ITSELF, Desk(keys=recorded("lio-keys-one")))
    assert "1 registered reservation keys, the first 00000000000000abh (unregister them first" in said


def test_a_foreign_reservation_is_respected() -> None:
    said = refusal(DEVICE, ITSELF, Desk(recorded("lio-keys-held"), recorded("lio-keys-held", 1)))
    assert "a persistent reservation of type 3 by key 00000000000000abh (release it first" in said


def test_a_reservation_conflict_is_a_foreign_reservation() -> None:
    said = refusal(DEVICE, ITSELF, Desk(keys=recorded("lio-reserved-spc2")))
    assert "another initiator has reserved it (release that first)" in said


def test_a_device_without_persistent_reservations_is_no_reason_to_refuse() -> None:
    unknown = recorded("check-fixed")
    vet(DEVICE, ITSELF, Desk(keys=unknown, held=unknown))


def test_reservations_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(DeviceError, match="reservations cannot be read: CHECK_CONDITION 0B/4B/03"):
        vet(DEVICE, ITSELF, Desk(keys=recorded("check-aborted-command")))


@pytest.mark.parametrize(
    ("device", "permitted", "words"),
    [
        (DEVICE, Permitted(frozenset()), "does not name it"),
        (Device(naa=NAA), Permitted(frozenset({NAA})), "no block node"),
    ],
)
def test_what_is_not_permitted_is_not_opened(
    device: Device, permitted: Permitted, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    with pytest.raises(SafetyRefusal, match=words):
        open_for_write(device, permitted)


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Error numbers with which the system refuses to open a node, one after the other."""
    numbers: list[int] = []

    def refuse(*_: object) -> int:
        if not numbers:
            return os.memfd_create("node")
        raise OSError(number := numbers.pop(0), os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(safety, "PAUSES", (0.0, 0.0))
    return numbers


@pytest.mark.parametrize(
    ("numbers", "kind", "words"),
    [
        ([errno.EBUSY, errno.EBUSY], SafetyRefusal, "in use by now"),
        ([errno.EBUSY], TargetLost, "a unit without designator"),
        ([errno.EACCES], PermissionDenied, "run as root"),
        ([errno.EROFS], PermissionDenied, "Read-only file system"),
        ([errno.ENXIO], TargetLost, "No such device"),
    ],
    ids=["in use", "in use for a moment, then no disk", "not allowed", "read-only", "gone"],
)
def test_what_the_system_refuses_is_told(
    refusals: list[int], numbers: list[int], kind: type[Exception], words: str
) -> None:
    refusals += numbers
    with pytest.raises(kind, match=words):
        open_for_write(DEVICE, Permitted(frozenset({NAA})))
    assert refusals == []


def test_a_node_that_went_away_is_a_lost_target(tmp_path: Path) -> None:
    gone = Device(naa=NAA, block=(tmp_path / "sdx",))
    with pytest.raises(TargetLost, match="No such file"):
        open_for_write(gone, Permitted(frozenset({NAA})))


class Stage:
    """A block node that can be opened here, with what a made-up sysfs says of the unit behind it."""

    def __init__(self, sysfs: Path) -> None:
        self.asked = 0
        self.answers: list[Exception] = []
        self._sysfs = sysfs
        self._path = sysfs / "dev/block/0:0/device"
        self.shows(NAA, "sg1")

    def shows(self, naa: str, sg: str) -> None:
        for old in (self._path / "scsi_generic").glob("*"):
            old.rmdir()
        (self._path / "scsi_generic" / sg).mkdir(parents=True)
        (self._path / "wwid").write_text(f"naa.{naa}\n")

    def recognise(self) -> None:
        self.asked += 1
        if self.answers:
            raise self.answers.pop()

    def writer(self, device: Device = DEVICE) -> Writer:
        return Writer(device, Permitted(frozenset({NAA})), self.recognise, self._sysfs)


@pytest.fixture
def stage(tmp_path: Path, refusals: list[int]) -> Stage:
    """`refusals` opens an anonymous file for any node: its device number is 0:0."""
    assert refusals == []
    return Stage(tmp_path)


def test_a_writer_asks_the_unit_before_each_use_and_opens_it_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    def note(node: object, flags: int) -> int:
        assert flags & os.O_EXCL
        opened.append(node)
        return os.memfd_create("node")

    monkeypatch.setattr(os, "open", note)
    writer = stage.writer()
    for _ in range(3):
        os.close(writer())
    writer.close()
    assert (stage.asked, opened) == (3, [DEVICE.block[0]])


def test_a_writer_hands_out_nothing_once_the_unit_is_another(stage: Stage) -> None:
    writer = stage.writer()
    os.close(writer())
    stage.answers.append(TargetLost("is now another"))
    with pytest.raises(TargetLost, match="is now another"):
        writer()
    writer.close()


@pytest.mark.parametrize(
    ("naa", "sg", "words"),
    [
        (OTHER, "sg1", f"/dev/sdx was naa.{NAA} and is now naa.{OTHER}"),
        (NAA, "sg7", "/dev/sdx is not on the path of /dev/sg1; nothing more is written"),
    ],
    ids=["another unit", "another path"],
)
def test_a_writer_believes_the_kernel_when_it_shows_a_change(stage: Stage, naa: str, sg: str, words: str) -> None:
    writer = stage.writer()
    os.close(writer())
    stage.shows(naa, sg)
    with pytest.raises(TargetLost, match=words):
        writer()
    writer.close()
    assert stage.asked == 1


def test_a_writer_of_a_unit_without_sg_node_writes_nothing(stage: Stage) -> None:
    writer = stage.writer(Device(naa=NAA, block=DEVICE.block))
    with pytest.raises(TargetLost, match="is not on the path of no sg node"):
        writer()
    writer.close()
