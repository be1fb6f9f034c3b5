"""The offload proof: a copy that the host made is told from one of the target, and whoever ordered stands still."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from copyproof.errors import DeviceError, SafetyRefusal, TargetLost, TransportTimeout, UsageError
from copyproof.pairing.service import (
    Answered,
    Declared,
    PairFault,
    PairRequest,
    PairService,
    PairStatus,
    PairVolume,
    Said,
)
from copyproof.plugin.bench import Bench
from copyproof.plugin.elsewhere import Elsewhere, Stopped
from copyproof.plugin.offload import Offload, counted_by_kernel
from copyproof.plugin.opening import opened
from copyproof.plugin.rig import Rig
from copyproof.scsi.cdb import read16
from copyproof.scsi.command import Command, Result
from copyproof.scsi.pair import PairCommand, PairState
from copyproof.targets.live import LiveTarget, Role
from copyproof.targets.spec import load
from copyproof.transport.counting import Counted, Tally
from copyproof.transport.sgio import Sgio
from copyproof.verdicts.catalogue import requirement
from copyproof.verdicts.verdict import Verdict

VOLUME = PairVolume(6, "primary", "60200000000000000000000000000006", 64, 512, None)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with opened(load("software-array"), 1, lambda _, transport: transport) as bench:
        yield bench


def judged(bench: Bench) -> Rig:
    rig = Rig(bench, requirement("CTL-01"), "test", "case")
    pair = rig.pair()
    with pair.offloaded():
        pair.order(PairCommand.CREATE, pace=1)
        pair.finish()
    rig.judge_pairs()
    return rig


def by_the_host(bench: Bench, order: Callable[[PairRequest], Answered]) -> Callable[[PairRequest], Answered]:
    """A way to order that moves the blocks itself."""

    def ordered(request: PairRequest) -> Answered:
        source, destination = bench.units[Role.PRIMARY].volume, bench.units[Role.SECONDARY].volume
        assert source is not None
        assert destination is not None
        destination.write(0, source.read(0, 64))
        return order(request)

    return ordered


def test_a_copy_of_the_array_moves_no_block_through_the_host(bench: Bench) -> None:
    (case,) = judged(bench).cases
    assert case.verdict is Verdict.PASS
    assert case.offload is not None
    assert case.offload.by_commands == 0
    assert case.offload.parameters > 0
    assert case.offload.copied == bench.unit(Role.PRIMARY).blocks * 512
    assert case.offload.host_seconds is not None


def test_a_copy_that_the_host_makes_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.pairs is not None
    service = bench.pairs.service
    monkeypatch.setattr(service, "order", by_the_host(bench, service.order))
    (case,) = judged(bench).cases
    assert case.verdict is Verdict.FAIL
    assert f"the host moved {2 * 64 * 512} bytes of blocks" in case.cause


def test_what_the_kernel_counted_fails_from_an_eighth_on() -> None:
    assert not Offload(8 << 20, kernel=1 << 20).breach
    assert "the kernel counted" in Offload(8 << 20, kernel=(1 << 20) + 512).breach


def test_the_kernel_counts_sectors_read_and_written_at_every_node(bench: Bench, tmp_path: Path) -> None:
    assert counted_by_kernel(bench.live) is None
    live = with_nodes(bench)
    for name, line in (("sda", "1 0 8 0 2 0 16 0 0"), ("sdb", "1 0 1 0 2 0 0 0 0")):
        (tmp_path / "block" / name).mkdir(parents=True)
        (tmp_path / "block" / name / "stat").write_text(line)
    assert counted_by_kernel(live, tmp_path) == (8 + 16 + 1) * 512
    (tmp_path / "block/sdb/stat").write_text("nonsense")
    with pytest.raises(DeviceError, match="sdb/stat: cannot be read"):
        counted_by_kernel(live, tmp_path)


def with_nodes(bench: Bench) -> LiveTarget:
    luns = {
        role: replace(lun, device=replace(lun.device, block=(Path(f"/dev/{node}"),)))
        for (role, lun), node in zip(bench.live.luns.items(), ("sda", "sdb"), strict=False)
    }
    return replace(bench.live, luns=luns)


@dataclass
class Fake:
    """A service that answers, or raises, and counts what it moves."""

    tally: Tally
    problem: Exception | None = None
    declared: Declared = field(default_factory=Declared)

    def order(self, request: PairRequest) -> Answered:
        self.tally.add(0x88, 512)
        if self.problem:
            raise self.problem
        return Answered(True, f"GOOD for {request.command.value}")


def ordered(fake: Fake) -> tuple[Elsewhere, Answered]:
    aside = Elsewhere(cast(PairService, fake), fake.tally)
    return aside, aside.order(PairRequest(PairCommand.CREATE, VOLUME, VOLUME))


def test_who_ordered_stands_still_until_the_end_and_what_it_moved_is_counted() -> None:
    fake = Fake(Tally())
    aside, answered = ordered(fake)
    assert answered == Answered(True, "GOOD for paircreate")
    assert fake.tally == Tally(blocks=512)
    assert aside.aside is not None
    assert aside.aside.still
    aside.end()
    assert not aside.aside.still


@pytest.mark.parametrize(
    ("problem", "kind"), [(UsageError("no such group"), UsageError), (RuntimeError("broken"), DeviceError)]
)
def test_what_goes_wrong_in_the_other_process_is_told_here(problem: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=str(problem)):
        ordered(Fake(Tally(), problem))


def test_an_order_that_may_have_been_given_is_not_taken_for_one_that_was_not() -> None:
    proof = (Said("paircreate", "exit 7", "rubbish", 0.5),)
    with pytest.raises(PairFault, match="exit 7") as told:
        ordered(Fake(Tally(), PairFault("exit 7", proof)))
    assert told.value.proof == proof
    with pytest.raises(PairFault, match="ended without a word"):
        ordered(Fake(Tally(), SystemExit()))  # type: ignore[arg-type]  # what no handler of errors takes


@pytest.mark.parametrize("kind", [TargetLost, SafetyRefusal])
def test_what_ends_a_run_ends_it_from_the_other_process_too(kind: type[Exception]) -> None:
    with pytest.raises(kind, match="another unit"):
        ordered(Fake(Tally(), kind("another unit")))


def test_a_process_that_has_gone_is_not_killed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    aside = Stopped(lambda: b"done")
    aside.end()
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("its number may be another's by now"))
    aside.end()
    assert not aside.still


def test_a_process_that_died_before_it_was_stopped_is_not_still_nor_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    aside = Stopped(lambda: os._exit(0))
    assert (aside.said, aside.still) == (b"", False)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("its number may be another's by now"))
    aside.end()


def test_kernel_counts_that_go_back_are_no_proof(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter((4096, 512))
    monkeypatch.setattr("copyproof.plugin.offload.counted_by_kernel", lambda _: next(counts))
    with pytest.raises(DeviceError, match="went back from 4096 to 512 bytes"):
        judged(bench)


def test_a_process_that_dies_in_its_work_is_told() -> None:
    fake = Fake(Tally(), SystemExit())  # type: ignore[arg-type]  # what no handler of errors takes
    with pytest.raises(DeviceError, match="ended without a word"):
        ordered(fake)


def test_a_stopped_process_that_is_woken_is_not_still() -> None:
    aside = Stopped(lambda: b"")
    os.kill(aside._child, signal.SIGCONT)
    for _ in range(100):
        if not aside.still:
            break
        time.sleep(0.02)
    assert not aside.still
    aside.end()


def test_a_pair_is_asked_for_without_lending_the_target_ticks() -> None:
    asked: list[object] = []

    class Waiting(Fake):
        def wait(self, *arguments: object) -> PairStatus:
            asked.extend(arguments)
            return PairStatus(PairState.PAIR, PairState.PAIR)

    aside = Elsewhere(cast(PairService, Waiting(Tally())), Tally())
    aside.wait(VOLUME, VOLUME, {PairState.PAIR}, 3.0, lambda: pytest.fail("a tick was lent"))
    assert asked == [VOLUME, VOLUME, {PairState.PAIR}, 3.0]


def test_a_stopped_process_does_not_outlive_the_one_that_stopped_it() -> None:
    code = "import os; from copyproof.plugin.elsewhere import Stopped; print(Stopped(lambda: b'')._child, flush=True); "
    line = [sys.executable, "-c", code + "os._exit(0)"]
    child = int(subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout)
    stat = Path(f"/proc/{child}/stat")
    for _ in range(100):
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.02)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("it was left behind")


def test_what_got_no_answer_counts_as_if_it_had_all_crossed() -> None:
    class Silent:
        name = "silent"

        def execute(self, command: Command, timeout: float) -> Result:
            raise TransportTimeout("no answer")

        def repeat_by_hand(self, command: Command) -> str:
            return ""

    tally = Tally()
    with pytest.raises(TransportTimeout):
        Counted(Silent(), tally).execute(read16(0, 8, 512), 1)
    assert tally == Tally(blocks=8 * 512)


def test_another_process_gets_its_answers_through_a_node_that_this_one_has_used() -> None:
    transport = Sgio(Path("/dev/null"), lambda handle, header: None)
    ready = Command(bytes(6))
    assert transport.execute(ready, 5).good
    aside = Stopped(lambda: transport.execute(ready, 5).status.name.encode())
    aside.end()
    transport.close()
    assert aside.said == b"GOOD"
