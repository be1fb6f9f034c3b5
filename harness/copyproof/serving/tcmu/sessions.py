"""Which iSCSI sessions have ended: TCMU tells its program of commands and task management, never of a lost nexus."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SESSION = re.compile(rb"^LIO Session ID: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Login:
    """An initiator of the array, and the `info` of its ACL in configfs, which need not be there yet.

    It names the session that logged in last (lio_target_nacl_info_show), by a number that counts the logins of a
    portal group.
    """

    initiator: str
    info: Path

    def session(self) -> bytes | None:
        """Return the number of the session; None where there is none.

        >>> Login("host", Path("/nowhere")).session() is None
        True
        """
        with suppress(OSError):
            if found := _SESSION.search(self.info.read_bytes()):
                return found[1]
        return None


class Sessions:
    """Watches logins. An initiator is one nexus, so it may have one session: a second one counts as a new one."""

    def __init__(self, logins: tuple[Login, ...] = ()) -> None:
        self._seen = {login: login.session() for login in logins}

    def lost(self) -> tuple[str, ...]:
        """Return the initiators whose session has gone, or given way to another, since this was last asked."""
        if not self._seen:
            return ()
        before, self._seen = self._seen, {login: login.session() for login in self._seen}
        return tuple(login.initiator for login, was in before.items() if was not in (None, self._seen[login]))
