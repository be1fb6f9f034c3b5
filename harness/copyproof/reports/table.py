"""The compliance table for a terminal: plain text without colour, what is not PASS first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tabulate import tabulate

from copyproof.reports.conclusion import Finding, conclude, counts, findings, tolerated
from copyproof.reports.text import clip, lapse, plural, visible
from copyproof.verdicts.record import Record, RequirementRecord, TargetRecord
from copyproof.verdicts.verdict import Verdict

NARROWEST = 60
WIDEST_ID = 34


def summary(record: Record, width: int = 80) -> str:
    """Return the table of a run, its lines at most `width` columns (60 where fewer are asked for), no final line end.

    Headline and counts first, then one row for each requirement that is not PASS, the worst first, with its cause; the
    ids of those not run and of those passed follow in columns. The text is ASCII save for letters that the record
    itself holds.
    """
    width = max(width, NARROWEST)
    found = findings(record)
    single = [one for one in found if one.verdict is not Verdict.NOT_RUN]
    not_run = [
        _columns(f"NOT_RUN ({len(one.requirements)}): {visible(one.cause)}", one.requirements, width)
        for one in found
        if one.verdict is Verdict.NOT_RUN
    ]
    return "\n\n".join(
        part for part in (_head(record, width), _rows(single, width), *not_run, _passed(record, width)) if part
    )


def _head(record: Record, width: int) -> str:
    conclusion = conclude(record)
    tally = "  ".join(f"{verdict.value} {count}" for verdict, count in counts(record).items())
    told = f"{conclusion.headline}. {conclusion.sentence}"
    lines = [identity(record.target), _effort(record), *_verified(record), *_fuzzed(record), told, tally]
    return "\n".join(line for text in lines for line in _wrap(text, width))


def identity(target: TargetRecord) -> str:
    """Return who the target says it is, on one line: `lio-pi (LIO-ORG fileio 4.0, Linux 6.1.0)`."""
    inquiry = " ".join(visible(part) for part in (target.vendor, target.product, target.revision) if part)
    known = ", ".join(part for part in (inquiry, visible(target.kernel)) if part)
    return f"{visible(target.name)} ({known})" if known else visible(target.name)


def _effort(record: Record) -> str:
    cases = [case for requirement in record.requirements for case in requirement.cases]
    blocks = sum(requirement.blocks.checked for requirement in record.requirements)
    commands = sum(len(case.commands) for case in cases)
    orders = sum(len(case.orders) for case in cases)
    sent = plural(commands, "command") + (f", {plural(orders, 'pair order')}" if orders else "")
    done = f"{plural(len(cases), 'case')}, {sent}, {plural(blocks, 'block')} checked"
    return f"{done} in {lapse(record.duration)}, seed {record.seed}"


def _verified(record: Record) -> list[str]:
    """Say in one line what the verification at the end of the run looked at."""
    last = record.verification
    if last is None:
        return []
    checked = sum(unit.checked for unit in last.units)
    right = sum(unit.right for unit in last.units)
    told = f"verified at the end ({visible(last.mode)}): {plural(checked, 'block')} checked, {right:,} right"
    return [f"{told}, in {lapse(last.seconds)}"]


def _fuzzed(record: Record) -> list[str]:
    """Say in one line what was played at random, and then each operation that shows a difference."""
    fuzz = record.fuzz
    if fuzz is None:
        return []
    told = f"{fuzz.steps:,} of {plural(fuzz.budget, 'random operation')} in {lapse(fuzz.seconds)}"
    lines = [f"{told}: {visible('; '.join(filter(None, (fuzz.shares, fuzz.ended, fuzz.problem))))}"]
    if fuzz.difference:
        lines += [f"- {visible(operation)}" for operation in fuzz.difference.operations]
    return lines


def _rows(found: list[Finding], width: int) -> str:
    if not found:
        return ""
    ids = [_name(one.requirements[0]) for one in found]
    taken = max(len(one.verdict.value) for one in found) + max(map(len, [*ids, "requirement"])) + 4
    body = [
        (one.verdict.value, name, "\n".join(_cause(one.cause, width - taken)))
        for one, name in zip(found, ids, strict=True)
    ]
    return tabulate(body, headers=("verdict", "requirement", "cause"), tablefmt="simple", disable_numparse=True)


def _cause(cause: str, room: int) -> list[str]:
    """Return one line of cause, folded once where the terminal is narrow; the page has the whole story."""
    lines = _wrap(visible(cause), room)
    return lines if len(lines) <= 2 else [lines[0], clip(" ".join(lines[1:]), room)]


def _passed(record: Record, width: int) -> str:
    rows = [requirement for requirement in record.requirements if requirement.verdict is Verdict.PASS]
    if not rows:
        return ""
    note = "; * by a tolerated outcome, see the page" if any(map(tolerated, rows)) else ""
    return _columns(f"PASS ({len(rows)}){note}", rows, width)


def _columns(title: str, rows: Sequence[RequirementRecord], width: int) -> str:
    """Set ids in columns, downwards first, under a title."""
    ids = [_name(row) for row in rows]
    height = -(-len(ids) // max(1, width // (max(map(len, ids)) + 2)))
    body = tabulate([ids[start::height] for start in range(height)], tablefmt="plain", disable_numparse=True)
    return "\n".join([*_wrap(title, width), *(line.rstrip() for line in body.splitlines())])


def _name(row: RequirementRecord) -> str:
    return clip(visible(row.id), WIDEST_ID) + "*" * tolerated(row)


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
