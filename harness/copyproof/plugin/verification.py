"""What of a session is verified beside its judgements: `--hil-verify`, and the record of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from copyproof.blocks.findings import Finding, Findings
from copyproof.errors import CopyproofError
from copyproof.plugin import given
from copyproof.plugin.bench import Bench, Unit
from copyproof.targets.live import Role
from copyproof.verdicts.verification import MapRecord, UnitVerification, Verification
from copyproof.verify.pipeline import Advance, Verified, unseen, verify
from copyproof.verify.progress import progress
from copyproof.verify.scope import Reach, Scope

EXAMPLES = 16
_WHOLE = (Role.SOURCE, Role.DESTINATION)
"""The units that FULL stamps and reads from their first block to their last."""


class Verifier:
    """One session's verification. Under xdist each worker has one, and hands what it found on to the controller's."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.scope = given.scope(config)
        self.found: Verification | None = None

    def prepare(self, bench: Bench) -> None:
        """Stamp what the scope asks for, once the target is up; raises SafetyRefusal or DeviceError."""
        bench.sampling = self.scope.sample
        if self.scope.reach is not Reach.FULL:
            return
        for role in _WHOLE:
            unit = bench.units.get(role)
            if unit is not None and unit.volume is not None:
                with self._shown(f"stamping the {role.value} unit", unit.blocks, bench) as advance:
                    bench.stamp(role, 0, unit.blocks, advance)

    def close(self, bench: Bench, why_not: str) -> None:
        """Verify at the end of the session all that the model knows; `why_not` says why that cannot be done.

        What goes wrong on the way is told in the record: the target is taken down all the same.
        """
        self._keep(Verification(mode=str(self.scope), sampled=bench.sampled, problem=why_not or "ended early"))
        if not why_not:
            self._keep(self._sweep(bench))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of xdist found on its own target."""
        raw = getattr(node, "workeroutput", {}).get("hil_verification")
        if raw is not None:
            told = msgspec.convert(raw, Verification)
            self.found = _both(self.found, told) if self.found else told

    def _keep(self, found: Verification) -> None:
        self.found = found
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["hil_verification"] = msgspec.to_builtins(found)

    def _sweep(self, bench: Bench) -> Verification:
        started = time.monotonic()
        bench.checker.remember()
        units: list[UnitVerification] = []
        problem = ""
        try:
            for unit in bench.units.values():
                units += [self._unit(bench, unit)] if unit.volume and bench.readable(unit) else []
        except CopyproofError as trouble:
            problem = str(trouble)
        return Verification(
            mode=str(self.scope),
            units=units,
            sampled=bench.sampled,
            seconds=time.monotonic() - started,
            bytes=sum(unit.read for unit in units) * bench.stamper.block_size,
            problem=problem or _unread(self.scope, bench, units),
        )

    def _unit(self, bench: Bench, unit: Unit) -> UnitVerification:
        ranges = bench.checker.known(unit.number)
        blocks = sum(count for _, count in ranges)
        with self._shown(f"verifying the {unit.lun.role.value} unit", blocks, bench) as advance:
            found = verify(bench.checker, unit.number, ranges, advance)
        return _recorded(unit, bench.checker.volume(unit.number).name, found)

    @contextmanager
    def _shown(self, title: str, blocks: int, bench: Bench) -> Iterator[Advance]:
        """Show progress past pytest's capture, which stands between the session and its terminal."""
        capture = self.config.pluginmanager.getplugin("capturemanager")
        if not blocks or capture is None or hasattr(self.config, "workerinput"):
            yield unseen
            return
        with capture.global_and_fixture_disabled(), progress(title, blocks, bench.stamper.block_size) as advance:
            yield advance


def _unread(scope: Scope, bench: Bench, units: Sequence[UnitVerification]) -> str:
    """Say why less was read than was asked for; empty where all was, or no more than what changed was asked for."""
    if scope.reach is Reach.CHANGED:
        return ""
    if not any(unit.read for unit in units):
        return f"nothing was read, though {scope} was asked for: no unit has a block node and blocks that are known"
    lacking = [role.value for role in _WHOLE if role in bench.units and bench.units[role].volume is None]
    if scope.reach is Reach.FULL and lacking:
        return f"not read for want of a block node on this host: {', '.join(lacking)}"
    return ""


def _both(one: Verification, other: Verification) -> Verification:
    return msgspec.structs.replace(
        one,
        units=[*one.units, *other.units],
        sampled=one.sampled + other.sampled,
        seconds=max(one.seconds, other.seconds),
        bytes=one.bytes + other.bytes,
        problem=one.problem or other.problem,
    )


def _recorded(unit: Unit, node: str, found: Verified) -> UnitVerification:
    findings = found.findings
    return UnitVerification(
        role=unit.lun.role.value,
        node=node,
        blocks=unit.blocks,
        read=found.read,
        checked=findings.checked,
        right=findings.right,
        labels_checked=findings.labels_checked,
        wrong={kind.value: count for kind, count in findings.wrong.items()},
        examples=_examples(findings),
        map=[MapRecord(lba=run.lba, count=run.count, state=run.state.value) for run in found.map],
    )


def _examples(findings: Findings) -> list[str]:
    """Return a line on the first and on the longest range of each kind, in the order of the LBAs."""
    chosen: dict[Finding, None] = {}
    for kind in findings.wrong:
        alike = [finding for finding in findings.findings if finding.kind is kind]
        chosen |= dict.fromkeys([*alike[:1], *sorted(alike, key=lambda finding: -finding.count)[:1]])
    return [str(finding) for finding in sorted(chosen, key=lambda finding: finding.lba)][:EXAMPLES]
