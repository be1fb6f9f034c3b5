"""How a verdict shows in pytest: one mapping, used by every hook.

pytest lists all skipped tests under the word of the first, so that word is its own and the reason names the verdict.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from copyproof.verdicts.record import CaseRecord
from copyproof.verdicts.verdict import Verdict, worst


class Shown(NamedTuple):
    """pytest's outcome of a report, and the category, letter and word of its terminal output."""

    outcome: Literal["passed", "failed", "skipped"]
    category: str
    letter: str
    word: str


SHOWN = {
    Verdict.PASS: Shown("passed", "passed", ".", "PASS"),
    Verdict.DEVIATION: Shown("skipped", "xfailed", "d", "DEVIATION"),
    Verdict.NOT_SUPPORTED: Shown("skipped", "skipped", "s", "SKIPPED"),
    Verdict.NOT_OBSERVABLE: Shown("skipped", "skipped", "o", "SKIPPED"),
    Verdict.UNEXPECTED_PASS: Shown("failed", "failed", "U", "UNEXPECTED_PASS"),
    Verdict.FAIL: Shown("failed", "failed", "F", "FAIL"),
    Verdict.ERROR: Shown("failed", "error", "E", "ERROR"),
    Verdict.NOT_RUN: Shown("skipped", "skipped", "n", "SKIPPED"),
}


def diagnosis(cases: list[CaseRecord]) -> str:
    """Return what a reader of a failed test sees in place of a traceback: the bad cases with cause, expectation and
    proof."""
    bad = worst(case.verdict for case in cases)
    return "\n".join(line for case in cases if case.verdict is bad for line in _lines(case))


def _lines(case: CaseRecord) -> list[str]:
    head = [f"{case.requirement}: {case.verdict.value}: {case.cause}"]
    if case.observed:
        head += [f"  expected  {case.expected}", f"  observed  {case.observed}"]
    head += [f"  block     {example}" for example in case.blocks.examples]
    for order in case.orders:
        head.append(
            f"  ordered   {order.command} of {order.primary} and {order.secondary}: {order.answer}, {order.shown}"
        )
        head += [f"  sent      {step.what}" for step in order.steps]
    for command in case.commands:
        head.append(f"  sent      {command.name} to {command.via}: {command.sense or command.status}")
        head.append(f"  by hand   {command.repeat}")
    return head
