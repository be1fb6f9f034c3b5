"""The compliance table for a terminal: plain text without colour, what is not PASS first."""

from __future__ import annotations

import textwrap

from tabulate import tabulate

from copyproof.reports.conclusion import conclude, counts, tolerated
from copyproof.reports.text import clip, lapse, plural, visible
from copyproof.verdicts.record import Record, RequirementRecord, TargetRecord
from copyproof.verdicts.verdict import Verdict

NARROWEST = 60
WIDEST_ID = 34


def summary(record: Record, width: int = 80) -> str:
    """Return the table of a run, its lines at most `width` columns (60 where fewer are asked for), no final line end.

    Headline and counts first, then one row for each requirement that is not PASS, the worst first, with its cause; the
    ids of the passed ones follow in columns. The text is ASCII save for letters that the record itself holds.
    """
    width = max(width, NARROWEST)
    rows = sorted((r for r in record.requirements if r.verdict is not Verdict.PASS), key=lambda r: r.verdict.rank)
    passed = [r for r in record.requirements if r.verdict is Verdict.PASS]
    parts = [_head(record, width), _not_passed(rows, width), _passed(passed, width)]
    return "\n\n".join(part for part in parts if part)


def _head(record: Record, width: int) -> str:
    conclusion = conclude(record)
    tally = "  ".join(f"{verdict.value} {count}" for verdict, count in counts(record).items())
    lines = [identity(record.target), _effort(record), f"{conclusion.headline}. {conclusion.sentence}", tally]
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
    done = f"{plural(len(cases), 'case')}, {plural(commands, 'command')}, {plural(blocks, 'block')} checked"
    return f"{done} in {lapse(record.duration)}, seed {record.seed}"


def _not_passed(rows: list[RequirementRecord], width: int) -> str:
    if not rows:
        return ""
    ids = [clip(visible(row.id), WIDEST_ID) for row in rows]
    taken = max(len(row.verdict.value) for row in rows) + max(map(len, [*ids, "requirement"])) + 4
    room = width - max(taken, len("verdict") + len("requirement") + 4)
    body = [(row.verdict.value, name, "\n".join(_cause(row, room))) for row, name in zip(rows, ids, strict=True)]
    return tabulate(body, headers=("verdict", "requirement", "cause"), tablefmt="simple", disable_numparse=True)


def _cause(row: RequirementRecord, room: int) -> list[str]:
    """Return one line of cause, folded once where the terminal is narrow; the page has the whole story."""
    lines = _wrap(visible(row.cause) or visible(row.title), room)
    return lines if len(lines) <= 2 else [lines[0], clip(" ".join(lines[1:]), room)]


def _passed(rows: list[RequirementRecord], width: int) -> str:
    if not rows:
        return ""
    ids = [clip(visible(row.id), WIDEST_ID) + "*" * tolerated(row) for row in rows]
    cell = max(map(len, ids)) + 2
    columns = max(1, width // cell)
    height = -(-len(ids) // columns)
    body = tabulate([ids[start::height] for start in range(height)], tablefmt="plain", disable_numparse=True)
    note = ["* by a tolerated outcome, see the page"] if any(map(tolerated, rows)) else []
    return "\n".join([f"PASS ({len(ids)})", *(line.rstrip() for line in body.splitlines()), *note])


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
