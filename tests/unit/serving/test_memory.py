"""Large answers are made in memory that the serving process has already."""

from __future__ import annotations

import subprocess
import sys

ANSWERS = """
import resource, sys
from copyproof.serving.tcmu.__main__ import keep_memory

if sys.argv[1] == "kept":
    keep_memory()
source = bytearray(1 << 20)
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        first = bytes(source)
        second = bytes(source)
        del first, second
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", ANSWERS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_memory_is_kept_from_answer_to_answer() -> None:
    assert faults("kept") < 100
