"""The serving process: `python -m copyproof.serving.tcmu`, the job pickled on standard input, which must stay open."""

from __future__ import annotations

import ctypes
import pickle
import signal
import sys

from copyproof.serving.tcmu.server import serve

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""
_KEPT, _FROM_HEAP = 256 << 20, 32 << 20


def main() -> None:
    """Serve until standard input ends. Ctrl-C is for the harness, which decides when its array goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_memory()
    # Only our own parent writes there.
    job = pickle.load(sys.stdin.buffer)
    serve(job, sys.stdin.fileno(), lambda: print("ready", flush=True))


def keep_memory() -> None:
    """Keep what was allocated for one answer for the next: page by page from the kernel again, it would take longer
    than a large read itself. Where the C library has no such parameters nothing changes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _FROM_HEAP)
        mallopt(_TRIM_THRESHOLD, _KEPT)


if __name__ == "__main__":
    main()
