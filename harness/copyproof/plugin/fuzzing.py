"""Random sequences in a session: `--hil-fuzz`, and the record of what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import copyproof
from copyproof.plugin import given
from copyproof.verdicts.fuzzed import FuzzRecord


class Fuzzing:
    """One session's random sequences, where they were asked for; `asked` is None where they were not.

    Under xdist each worker has one, and hands what it found on to the controller's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.asked = given.fuzz(config)
        self.found: FuzzRecord | None = None
        test = str(Path(copyproof.__file__).parent / "fuzz" / "differential.py")
        if self.asked and test not in config.args:
            config.args.append(test)

    def keep(self, found: FuzzRecord) -> None:
        """Note what was found."""
        self.found = found
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["hil_fuzz"] = msgspec.to_builtins(found)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of xdist found on its own target."""
        raw = getattr(node, "workeroutput", {}).get("hil_fuzz")
        if raw is not None:
            self.found = msgspec.convert(raw, FuzzRecord)
