"""Runs the steps of a template: lists of a program and its arguments, one after the other, never a shell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copyproof import process
from copyproof.errors import CopyproofError, DeviceError
from copyproof.pairing.reading import excerpt
from copyproof.pairing.service import Said
from copyproof.process import Runner

MOST = 1 << 16
"""Bytes of each output of a program that are read; more is no answer."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What some steps left: the exit status of the last that was run, all that they printed (standard output before
    standard error), how many were there and how many were run, and each for the record.

    `problem` says why the last one has no exit status that means anything; empty otherwise.
    """

    code: int
    text: str
    steps: int
    run: int
    proof: tuple[Said, ...]
    problem: str = ""

    @property
    def ended(self) -> str:
        """How it ended and what was printed, in a line of printable characters."""
        where = f"step {self.run} of {self.steps}, " if self.steps > 1 else ""
        printed = excerpt(self.text) if self.text else ""
        return where + ": ".join(filter(None, (self.problem or f"exit {self.code}", printed)))


class Programs:
    """A runner with the seconds that a step has, unless it is told other ones."""

    def __init__(self, timeout: float, runner: Runner | None = None) -> None:
        self._timeout, self._runner = timeout, runner or process.bounded(MOST)

    def run(self, steps: Sequence[Sequence[str]], timeout: float = 0) -> Ran:
        """Run steps until one ends with another exit status than 0. A time-out, an end by a signal and output without
        end are told in the result; raises UsageError (ToolMissing, PermissionDenied) only before the first has run."""
        code, texts, proof, problem = 0, [], [], ""
        for at, argv in enumerate(steps):
            try:
                done = self._runner(argv, timeout=timeout or self._timeout)
            except CopyproofError as trouble:
                if at == 0 and not isinstance(trouble, DeviceError):
                    raise
                code, problem = -1, str(trouble)
                proof.append(Said(shown(argv), problem, "", timeout or self._timeout))
                break
            texts += [done.text, done.error_text]
            code, problem = done.code, _problem(done)
            said = excerpt("\n".join(texts[-2:]))
            proof.append(Said(shown(argv), problem or f"exit {code}", said, done.duration))
            if code or problem:
                break
        return Ran(code, "\n".join(filter(None, texts)), len(steps), len(proof), tuple(proof), problem)


def shown(argv: Sequence[str]) -> str:
    """Return an argument list as one line of printable characters; what holds a space is quoted.

    >>> shown(["lvs", "a b"])
    "lvs 'a b'"
    """
    return " ".join(_quoted(argv))


def _quoted(argv: Sequence[str]) -> Iterator[str]:
    for text in argv:
        plain = excerpt(text, 200) if text else ""
        yield f"'{plain}'" if not plain or " " in plain else plain


def _problem(done: process.Completed) -> str:
    if done.code < 0:
        return f"it was ended by signal {-done.code}"
    if max(len(done.out), len(done.err)) >= MOST:
        return f"it printed {MOST} bytes or more, which is no answer"
    return ""
