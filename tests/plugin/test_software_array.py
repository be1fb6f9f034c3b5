"""The suite on the software array in process: every requirement as committed, and errors of its own end the run."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from copyproof.array.server.commands import Row
from copyproof.array.server.request import Request
from copyproof.array.server.server import DeviceServer
from copyproof.errors import UsageError
from copyproof.plugin.given import target as given_target
from copyproof.scsi.cdb import Opcode, read_capacity10
from copyproof.targets import spec
from copyproof.transport.base import Transport
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite

TARGET = "software-array"
EXPECTED = Path(__file__).parents[1] / "lio" / "expected" / f"{TARGET}.toml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(TARGET, tmp_path_factory.mktemp(TARGET), "--hil-verify=full")


def test_each_requirement_ends_as_committed(run: Run) -> None:
    committed = tomllib.loads(EXPECTED.read_text())
    found: dict[str, list[str]] = {}
    for row in run.record.requirements:
        found.setdefault(row.verdict.value, []).append(row.id)
    assert {kind: sorted(ids) for kind, ids in found.items()} == {
        kind: sorted(ids) for kind, ids in committed.items()
    }, run.output
    assert set(committed) <= {"PASS", "NOT_OBSERVABLE", "NOT_SUPPORTED"}
    assert run.code == 0


def test_what_is_not_passed_says_why(run: Run) -> None:
    rows = [row for row in run.record.requirements if row.verdict is not Verdict.PASS]
    assert [row.id for row in rows if not all(case.cause for case in row.cases)] == []


def test_every_command_went_out_in_process_and_every_block_was_read_back(run: Run) -> None:
    assert run.record.target.transport == "inprocess"
    commands = [command for row in run.record.requirements for case in row.cases for command in case.commands]
    assert {command.via.partition(":")[0] for command in commands} == {"inprocess"}
    assert run.record.verification is not None
    units = {unit.role: unit for unit in run.record.verification.units}
    whole = [units["source"], units["destination"]]
    assert [unit.read for unit in whole] == [131072, 131072]
    # Of a block that a refused copy may have written the model does not know the label.
    assert all(131000 < unit.labels_checked <= 131072 for unit in whole)


class Asks:
    """Asks every unit for its capacity in ten bytes, which no requirement needs."""

    @pytest.hookimpl
    def pytest_hil_transport(self, transport: Transport) -> None:
        # The first answer may be a unit attention.
        for _ in range(2):
            transport.execute(read_capacity10(), 1)


def test_an_error_of_the_arrays_own_fails_the_run_though_every_requirement_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = DeviceServer._row

    def row(server: DeviceServer, request: Request) -> Row:
        if request.opcode == Opcode.READ_CAPACITY_10:
            raise RuntimeError("a fault that was planted")
        return sound(server, request)

    monkeypatch.setattr(DeviceServer, "_row", row)
    run = run_suite(TARGET, tmp_path, "-k", "one_block", plugins=[Asks()])
    assert run.code == 1
    assert "errors of its own" in run.output
    assert "a fault that was planted" in run.output


@pytest.mark.parametrize(("name", "way"), [(TARGET, "sgio"), ("lio-loopback", "inprocess")])
def test_a_way_that_a_driver_does_not_have_is_refused(name: str, way: str) -> None:
    class Config:
        def getoption(self, option: str) -> str:
            return {"--hil-target": name, "--hil-transport": way}[option]

    with pytest.raises(UsageError, match=f"--hil-transport={way}: transport: inprocess is the way of the software"):
        given_target(Config())  # type: ignore[arg-type]


def test_the_target_needs_nothing_of_the_machine() -> None:
    from copyproof.targets.drivers import open_target

    assert open_target(spec.load(TARGET)).obstacles() == []
