"""Each LIO target comes up as its file says, hides the hidden unit, and goes down without a trace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from copyproof.targets import discovery, drivers, spec
from copyproof.targets.drivers.lio import ground
from copyproof.targets.drivers.lio.clear import TARGET
from copyproof.targets.drivers.lio.targetcli import FOLDER, HIDDEN, IQN, MAIN, script
from copyproof.targets.live import LiveTarget, Role
from copyproof.targets.rules import ROLES

TARGETS = [name for name in spec.names() if name.startswith("lio-")]


def host(node: Path) -> str:
    """The SCSI host of a block node, which is the nexus it is reached by."""
    return (Path("/sys/class/block") / node.name / "device").resolve().name.split(":")[0]


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_comes_up_as_its_file_says_and_goes_down(name: str) -> None:
    target = spec.load(name)
    with drivers.open_target(target) as live:
        assert {role.value for role in live.luns} == set(target.luns)
        for role, lun in live.luns.items():
            found = discovery.find(naa=lun.device.naa)
            assert found == lun.device
            assert (found.size, found.block_size) == (target.luns[role.value].size, target.lio.block_size)
            assert found.protection == target.lio.protection
            assert (len(found.sg), len(found.block)) == (1, 1)
            assert found.vendor == "LIO-ORG"
        isolation(live)
        sidecars(live)
        chunk(live)


def isolation(live: LiveTarget) -> None:
    """The hidden unit has a nexus of its own, and the main nexus shows the visible ones and nothing else."""
    visible = {lun.device.naa for lun in live.luns.values() if lun.visible}
    main = host(live.lun(Role.SOURCE).device.block[0])
    assert {device.naa for device in discovery.devices() if host(device.block[0]) == main} == visible
    assert not live.lun(Role.HIDDEN).visible
    assert host(live.lun(Role.HIDDEN).device.block[0]) != main


def sidecars(live: LiveTarget) -> None:
    """Where labels are kept beside the unit, their file has 8 bytes for each block, and elsewhere there is none."""
    expected = live.spec.lio.protection == 1 and live.spec.lio.backstore == "fileio"
    for lun in live.luns.values():
        assert (lun.sidecar is not None) == expected
        if lun.sidecar:
            assert lun.sidecar.stat().st_size == 8 * lun.device.blocks


def chunk(live: LiveTarget) -> None:
    """The declared chunk is what the copy manager takes at once: hw_max_sectors of 512 bytes for any block size."""
    serial = live.lun(Role.SOURCE).device.serial
    (store,) = (
        path.parent.parent for path in TARGET.glob("core/*/*/wwn/vpd_unit_serial") if serial in path.read_text()
    )
    most = int((store / "attrib/hw_max_sectors").read_text()) * 512
    assert live.spec.overlap.chunk == min(most, 16 << 20)


@pytest.mark.usefixtures("no_leaks")
def test_what_is_written_is_read_back_and_stays_in_its_unit() -> None:
    with drivers.open_target(spec.load("lio-loopback")) as live:
        live.lun(Role.SOURCE).device.block[0].write_bytes(b"\xa5" * 4096)
        for role, lun in live.luns.items():
            with lun.device.block[0].open("rb") as unit:
                assert unit.read(4096) == (b"\xa5" if role is Role.SOURCE else b"\0") * 4096


@pytest.mark.usefixtures("no_leaks")
def test_the_readonly_unit_is_readonly_to_the_kernel_and_the_others_are_not() -> None:
    with drivers.open_target(spec.load("lio-iscsi")) as live:
        readonly = {
            role
            for role, lun in live.luns.items()
            if Path("/sys/class/block", lun.device.block[0].name, "ro").read_text().strip() == "1"
        }
    assert readonly == {Role.READONLY}


@pytest.mark.usefixtures("no_leaks")
def test_a_target_comes_up_again_under_other_names() -> None:
    driver = drivers.open_target(spec.load("lio-ramdisk"))
    with driver as first:
        naas = {lun.device.naa for lun in first.luns.values()}
    with driver as second:
        assert naas.isdisjoint({lun.device.naa for lun in second.luns.values()})


@pytest.mark.usefixtures("no_leaks")
def test_a_lab_target_drives_units_that_it_did_not_make(loopback: LiveTarget) -> None:
    source, destination = (loopback.lun(role).device for role in (Role.SOURCE, Role.DESTINATION))
    luns = {"source": {"naa": source.naa}, "destination": {"serial": destination.serial}}
    target = spec.parse({"name": "mine", "driver": "lab", "luns": luns}, "mine.toml")
    with drivers.open_target(target) as live:
        assert live.lun(Role.SOURCE).device == source
        assert live.lun(Role.DESTINATION).device == destination
    assert discovery.find(naa=source.naa) == source


@pytest.mark.usefixtures("no_leaks")
def test_a_device_that_copyproof_never_saw_is_listed_and_driven() -> None:
    load = ["modprobe", "scsi_debug", "dev_size_mb=8", "num_tgts=1", "max_luns=2", "dif=1", "dix=1"]
    subprocess.run(load, check=True)
    try:
        subprocess.run(["udevadm", "settle"], check=True)
        naas = [device.naa for device in discovery.devices() if device.product == "scsi_debug"]
        found = discovery.wait_for(naas, 30)
        assert {(d.size, d.block_size, d.protection) for d in found.values()} == {(8 << 20, 512, 1)}
        luns = dict(zip(("source", "destination"), ({"naa": naa} for naa in naas), strict=True))
        with drivers.open_target(spec.parse({"name": "debug", "driver": "lab", "luns": luns}, "debug.toml")) as live:
            assert [lun.device.holders for lun in live.luns.values()] == [(), ()]
        listed = copyproof("devices")
        assert all(naa in listed for naa in naas)
        started = spec.parse(toml(copyproof("devices", "--toml", *(str(d.block[0]) for d in found.values()))), "x.toml")
        assert {lun.naa for lun in started.luns.values()} == set(naas)
    finally:
        subprocess.run(["modprobe", "-r", "scsi_debug"], check=True)


def toml(text: str) -> dict[str, object]:
    import tomllib

    return tomllib.loads(text)


def copyproof(*arguments: str) -> str:
    """Run the command line and return what it prints."""
    argv = [sys.executable, "-c", "from copyproof.cli import main; main()", *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"}).stdout


@pytest.fixture
def clean_by_hand() -> Iterator[None]:
    """Take down what the targetcli commands built, and only that."""
    yield
    from rtslib_fb import FabricModule, Target
    from rtslib_fb.tcm import StorageObject

    with ground.quiet():
        for fabric, names in (("loopback", (MAIN, HIDDEN)), ("iscsi", (IQN,))):
            for name in names:
                if (TARGET / fabric / name).is_dir():
                    Target(FabricModule(fabric), name, mode="lookup").delete()
            if (TARGET / fabric).is_dir() and not list((TARGET / fabric).glob("*/tpgt_1")):
                (TARGET / fabric).rmdir()
        for store in [path for path in TARGET.glob("core/*/*") if path.name in ROLES]:
            StorageObject.so_from_path(store).delete()
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        if backing.read_text().startswith(FOLDER):
            subprocess.run(["losetup", "-d", f"/dev/{backing.parent.parent.name}"], check=True)
    shutil.rmtree(FOLDER)


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/></policy></busconfig>
"""


@pytest.fixture(scope="module")
def system_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A D-Bus system bus, which targetcli asks for handlers of TCMU; one of Debian's own would need its own user."""
    socket = Path("/run/dbus/system_bus_socket")
    if socket.exists():
        yield
        return
    socket.parent.mkdir(exist_ok=True)
    settings = tmp_path_factory.mktemp("bus") / "bus.conf"
    settings.write_text(BUS)
    argv = ["dbus-daemon", f"--config-file={settings}", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline(), "dbus-daemon does not start"
        yield
        daemon.terminate()
    socket.unlink(missing_ok=True)


@pytest.mark.usefixtures("no_leaks", "clean_by_hand", "system_bus")
@pytest.mark.parametrize("name", ["lio-pi", pytest.param("lio-iscsi", marks=pytest.mark.nightly)])
def test_the_targetcli_commands_build_an_equal_target(name: str, tmp_path: Path) -> None:
    target = spec.load(name)
    built = tmp_path / "build.sh"
    built.write_text(script(target))
    home = {**os.environ, "TARGETCLI_HOME": str(tmp_path / "home")}
    done = subprocess.run(["sh", str(built)], capture_output=True, text=True, timeout=120, check=False, env=home)
    assert (done.returncode, "not found" in done.stdout) == (0, False), done.stdout + done.stderr
    attributes = {
        path.name: tuple(int((path / "attrib" / name).read_text()) for name in ("block_size", "pi_prot_type"))
        for path in TARGET.glob("core/*/*")
        if path.name in target.luns
    }
    assert attributes == dict.fromkeys(target.luns, (target.lio.block_size, target.lio.protection)), done.stdout
    mapped = {path.resolve().name for path in TARGET.glob("*/*/tpgt_1/lun/lun_*/*") if path.is_symlink()}
    assert set(target.luns) <= mapped, done.stdout
    protected = [path.read_text().strip() for path in TARGET.glob(f"iscsi/{IQN}/tpgt_1/acls/*/lun_*/write_protect")]
    assert sorted(protected) == (["0", "0", "0", "0", "1"] if target.lio.fabric == "iscsi" else []), done.stdout
