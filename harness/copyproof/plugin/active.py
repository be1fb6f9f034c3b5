"""The working part of the plugin, registered when a target is given: from reports to the record."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import copyproof
from copyproof.errors import CopyproofError, UsageError
from copyproof.plugin import fixtures, given
from copyproof.plugin.bench import Bench
from copyproof.plugin.ending import Ending
from copyproof.plugin.fuzzing import Fuzzing
from copyproof.plugin.outcome import SHOWN, diagnosis
from copyproof.plugin.rig import Rig
from copyproof.plugin.stash import ACTIVE, NUMBER, RIG
from copyproof.plugin.tools import versions
from copyproof.plugin.verification import Verifier
from copyproof.reports import junit
from copyproof.targets import spec as specs
from copyproof.targets.live import Lun
from copyproof.transport.base import Transport
from copyproof.verdicts import gather
from copyproof.verdicts.catalogue import catalogue
from copyproof.verdicts.record import CaseRecord, LunRecord, Record, TargetRecord
from copyproof.verdicts.verdict import Verdict, worst


def activate(config: pytest.Config) -> None:
    """Read the target file and register the hooks; raises pytest.UsageError for what the user can mend."""
    if getattr(config.option, "reruns", 0):
        raise pytest.UsageError("reruns are refused: a judgement that failed stays failed (remove --reruns)")
    try:
        active = Active(config, given.target(config))
    except UsageError as problem:
        raise pytest.UsageError(str(problem)) from None
    config.stash[ACTIVE] = active
    config.pluginmanager.register(active, "copyproof-active")
    config.pluginmanager.register(active.ending, "copyproof-ending")
    config.pluginmanager.register(active.verifier, "copyproof-verifier")
    config.pluginmanager.register(active.fuzzing, "copyproof-fuzzing")
    config.pluginmanager.register(fixtures, "copyproof-fixtures")


class Active:
    """One session's options and what has been judged so far. Under xdist each worker has one, and so has the
    controller."""

    def __init__(self, config: pytest.Config, spec: specs.TargetSpec) -> None:
        self.config, self.spec = config, spec
        self.strict = bool(config.getoption("--hil-strict"))
        self.seed = given.seed(config)
        self.folder = given.report(config)
        self.tape = given.tape(config)
        self.ending = Ending(config)
        self.verifier = Verifier(config)
        self.fuzzing = Fuzzing(config)
        self.target = TargetRecord(name=spec.name, driver=spec.driver, profile=spec.profile)
        self.tools: dict[str, str] = {}
        self._cases: list[tuple[int, CaseRecord]] = []
        self.record: Record | None = None
        self.collected: list[CaseRecord] = []
        self._started = datetime.now(UTC)
        self._clock = time.monotonic()

    def wrap(self, lun: Lun, transport: Transport) -> Transport:
        """Let `pytest_hil_transport` wrap one unit's transport."""
        wrapped = self.config.hook.pytest_hil_transport(config=self.config, lun=lun, transport=transport)
        return transport if wrapped is None else wrapped

    def describe(self, bench: Bench) -> None:
        """Note what the target is, once it is up."""
        inquiry = bench.capabilities.inquiry
        self.tools = versions()
        self.target = TargetRecord(
            name=self.spec.name,
            driver=self.spec.driver,
            vendor=inquiry.vendor,
            product=inquiry.product,
            revision=inquiry.revision,
            kernel=bench.live.facts.get("kernel", ""),
            profile=bench.profile.name,
            transport=self.spec.transport.value,
            luns=[_lun_record(lun) for lun in bench.live.luns.values()],
            capabilities=bench.capabilities.described(),
            parameters=bench.capabilities.parameters,
        )

    def pytest_report_header(self) -> str:
        """Say which target and which seed."""
        return f"copyproof {copyproof.__version__}: target {self.spec.name}, seed {self.seed}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give each worker of xdist the controller's seed."""
        node.workerinput["hil_seed"] = self.seed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Refuse tests that could not be judged, before the target is brought up, and number the others."""
        if wrong := [line for item in items for line in fixtures.complaints(item)]:
            self.ending.refuse(session, "\n".join(wrong))
        for number, item in enumerate(items):
            item.stash[NUMBER] = number
        self.collected += fixtures.unjudged(items, "the test left no judgement")

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """A test that is left out leaves its requirement not run, in part or in whole."""
        self.collected += fixtures.unjudged(items, "deselected")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Learn from an xdist worker what it collected; workers collect the same."""
        raw = getattr(node, "workeroutput", {}).get("hil_collected", [])
        self.collected = self.collected or msgspec.convert(raw, list[CaseRecord])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Close the rig within the call, whatever the test did: it may find more, and it sees that something was
        judged."""
        rig = item.stash.get(RIG, None)
        try:
            result = yield
        except CopyproofError as problem:
            if rig is None:
                raise
            rig.fault(problem)
            result = None
        except pytest.skip.Exception:
            if rig is not None:
                _finish(rig)
            raise
        if rig is not None:
            _finish(rig)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn the verdict into pytest's outcome, and let the proof ride on the report as plain types."""
        report = yield
        cases = _taken(item, call, report)
        if cases:
            _show(report, cases, item, unexpected=_unexpected(call))
            vars(report)["hil_cases"] = msgspec.to_builtins(cases)
            vars(report)["hil_number"] = item.stash[NUMBER]
            vars(report)["hil_target"] = msgspec.to_builtins((self.target, self.tools))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the cases, in the process that writes the record."""
        if hasattr(self.config, "workerinput"):
            return
        for raw in getattr(report, "hil_cases", ()):
            case = msgspec.convert(raw, CaseRecord)
            self._cases.append((getattr(report, "hil_number", 0), case))
            self.config.hook.pytest_hil_case(config=self.config, case=case)
        if hasattr(report, "hil_target"):
            self.target, self.tools = msgspec.convert(report.hil_target, tuple[TargetRecord, dict[str, str]])

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show the verdict's own letter and word."""
        raw = getattr(report, "hil_cases", None)
        if not raw:
            return None
        shown = SHOWN[worst(Verdict(case["verdict"]) for case in raw)]
        return shown.category, shown.letter, shown.word

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Complete the record and write it when all is taken down, however that went."""
        try:
            return (yield)
        finally:
            if hasattr(self.config, "workeroutput"):
                self.config.workeroutput["hil_collected"] = msgspec.to_builtins(self.collected)
            elif not self.config.option.collectonly:
                self._conclude(session)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the compliance table."""
        if self.record is None:
            return
        from copyproof.reports.table import summary

        terminalreporter.section(f"compliance of {self.spec.name}")
        width = terminalreporter._tw.fullwidth
        terminalreporter.write_line(summary(self.record, width))
        if self.folder:
            for name in ("report.html", "record.json"):
                terminalreporter.write_line(str(self.folder / name))

    def _conclude(self, session: pytest.Session) -> None:
        cases = [case for _, case in sorted(self._cases, key=lambda pair: pair[0])]
        self.ending.settle(session, cases, self.verifier.found, self.fuzzing.found)
        judged = {case.test for case in cases}
        cases += [self._not_run(case) for case in self.collected if case.test not in judged]
        self.record = self._complete(cases)
        self.config.hook.pytest_hil_record(config=self.config, record=self.record)
        if self.folder:
            self._write(self.folder)

    def _not_run(self, case: CaseRecord) -> CaseRecord:
        return msgspec.structs.replace(case, cause=self.ending.reason or case.cause)

    def _complete(self, cases: list[CaseRecord]) -> Record:
        rows = gather.requirements(catalogue(), cases, self.ending.reason or "no test of this run judges it")
        return Record(
            started=self._started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            duration=time.monotonic() - self._clock,
            seed=self.seed,
            strict=self.strict,
            interrupted=self.ending.reason,
            target=self.target,
            tools=self.tools,
            verification=self.verifier.found,
            fuzz=self.fuzzing.found,
            requirements=rows,
            summary=gather.summary(rows),
        )

    def _write(self, folder: Path) -> None:
        from copyproof.reports import html, schema

        assert self.record is not None
        folder.mkdir(parents=True, exist_ok=True)
        schema.dump(self.record, folder / "record.json")
        (folder / "report.html").write_text(html.render(self.record), encoding="utf-8")


def _finish(rig: Rig) -> None:
    try:
        rig.finish()
    except CopyproofError as problem:
        rig.fault(problem, "after the test: ")


def _taken(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> list[CaseRecord]:
    """Take what a phase of a test judged; what it died of is an ERROR."""
    rig = item.stash.get(RIG, None)
    problem = call.excinfo.value if call.excinfo else None
    broken = problem is not None and not isinstance(problem, pytest.skip.Exception)
    if rig is None:
        return _unready(item, problem) if broken and report.when == "setup" else []
    if broken:
        rig.error(_one_line(problem))
    taken, rig.cases = rig.cases, []
    return taken


def _unexpected(call: pytest.CallInfo[None]) -> bool:
    """Whether a test died of something that is neither the user's nor the device's fault: then its traceback is
    shown."""
    return call.excinfo is not None and not isinstance(call.excinfo.value, CopyproofError | pytest.skip.Exception)


def _show(report: pytest.TestReport, cases: list[CaseRecord], item: pytest.Item, *, unexpected: bool) -> None:
    """Let the verdict say how the test ended, whatever an xfail mark made of it."""
    verdict = worst(case.verdict for case in cases)
    report.outcome = SHOWN[verdict].outcome
    vars(report).pop("wasxfail", None)
    cause = next((case.cause for case in cases if case.verdict is verdict), "")
    if report.outcome == "failed" and not unexpected:
        report.longrepr = diagnosis(cases)
    elif report.outcome == "skipped":
        path, line, _ = item.location
        report.longrepr = (path, line or 0, f"{verdict.value}: {cause}")
    if verdict is Verdict.DEVIATION:
        report.wasxfail = cause
    for case in cases:
        # JUnit takes them from the report of the teardown, which copies the item's.
        item.user_properties += junit.properties(case, catalogue()[case.requirement].source)


def _unready(item: pytest.Item, problem: BaseException | None) -> list[CaseRecord]:
    """A test whose bench did not come up judged nothing: its requirement ends in ERROR."""
    if "hil" not in getattr(item, "fixturenames", ()) or isinstance(problem, pytest.exit.Exception):
        return []
    name = fixtures.requirement_of(item).id
    return [CaseRecord(test=fixtures.key_of(item), requirement=name, verdict=Verdict.ERROR, cause=_one_line(problem))]


def _one_line(problem: BaseException | None) -> str:
    text = str(problem).strip().splitlines() or [type(problem).__name__]
    return text[0] if isinstance(problem, CopyproofError) else f"{type(problem).__name__}: {text[0]}"


def _lun_record(lun: Lun) -> LunRecord:
    device = lun.device
    return LunRecord(
        role=lun.role.value,
        naa=device.naa,
        serial=device.serial,
        blocks=device.blocks,
        block_size=device.block_size,
        protection=device.protection,
    )
