"""What the serving process is to do: the array, and the rings by which its units are reached."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

from copyproof.array.settings import ArraySettings
from copyproof.serving.tcmu.sessions import Login

HANDLER = "copyproof"
"""The name that the kernel keeps of who answers a ring."""


@dataclass(frozen=True, slots=True)
class Port:
    """One backstore: the way of one initiator to one volume, since an entry does not say who sent it.

    `device` is the name that the kernel gives its uio node, `tcm-user/HBA/NAME/HANDLER/NAME`.
    """

    initiator: str
    volume: int
    device: str


@dataclass(frozen=True, slots=True)
class Job:
    """An array, its ports, where its control socket is to be, and the sessions whose end it must hear of."""

    settings: ArraySettings
    ports: tuple[Port, ...]
    control: Path
    logins: tuple[Login, ...] = ()

    def pickled(self) -> bytes:
        """Return the job as the serving process takes it from its parent."""
        return pickle.dumps(self)
