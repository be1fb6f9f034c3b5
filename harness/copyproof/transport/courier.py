"""A thread that waits in the kernel for a caller who must be able to stop waiting.

>>> courier = Courier(lambda parcel: parcel.append("delivered"), lambda: None)
>>> parcel = ["sent"]
>>> courier.carry(parcel, patience=10)
>>> parcel
['sent', 'delivered']
>>> courier.dismiss(patience=1)
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Parcel = TypeVar("Parcel")


class Courier(Generic[Parcel]):
    """Runs `work` on one parcel after the other, and `finish` at the end, in a thread that takes no signals.

    The thread is a daemon: one that never comes back from the kernel does not keep the program from ending.
    """

    def __init__(self, work: Callable[[Parcel], object], finish: Callable[[], object]) -> None:
        self._work, self._finish = work, finish
        self._asked: SimpleQueue[Parcel | None] = SimpleQueue()
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="copyproof courier", daemon=True)
        self._thread.start()
        self._process = os.getpid()

    @property
    def here(self) -> bool:
        """Whether the thread is one of this process: a fork does not take it along, and nobody would ever answer."""
        return self._process == os.getpid()

    def carry(self, parcel: Parcel, patience: float) -> None:
        """Wait at most `patience` seconds until a parcel is worked on; raises what `work` does, and queue.Empty.

        A courier whose caller stopped waiting is to be dismissed: its next answer would be that of the parcel before.
        """
        self._asked.put(parcel)
        problem = self._done.get(timeout=patience)
        if problem is not None:
            raise problem

    def dismiss(self, patience: float = 0) -> None:
        """Let the thread end, now or when it comes back from the kernel; wait for that at most `patience` seconds."""
        self._asked.put(None)
        self._thread.join(patience)

    def _serve(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while (parcel := self._asked.get()) is not None:
                self._done.put(self._problem(parcel))
        finally:
            self._finish()

    def _problem(self, parcel: Parcel) -> BaseException | None:
        try:
            self._work(parcel)
        except BaseException as problem:
            return problem
        return None
