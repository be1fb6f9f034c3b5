"""The serving process: `python -m copyproof.serving.tcmu`, the job pickled on standard input, which must stay open."""

from __future__ import annotations

import pickle
import signal
import sys

from copyproof.serving.tcmu.server import serve


def main() -> None:
    """Serve until standard input ends. Ctrl-C is for the harness, which decides when its array goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only our own parent writes there.
    job = pickle.load(sys.stdin.buffer)
    serve(job, sys.stdin.fileno(), lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
