"""open-iscsi, the machine's own initiator: into our target and out of it; other sessions and records are left alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from copyproof import process
from copyproof.errors import DeviceError
from copyproof.targets import lease
from copyproof.targets.drivers.lio.iscsi import ADDRESS, Portal
from copyproof.targets.lease import Mark

SESSIONS = Path("/sys/class/iscsi_session")
RECORDS = (Path("etc/iscsi"), Path("var/lib/iscsi"))
"""Where open-iscsi keeps its records: Debian 12 in the first, newer ones in the second."""
_PATIENCE = 180.0


def log_in(mark: Mark, portal: Portal, run: process.Runner) -> None:
    """Log in twice, as the harness and as another initiator; raises DeviceError when open-iscsi fails."""
    _start_daemon(run)
    _link_up(run)
    node = ("-m", "node", "-T", portal.target, "-p", f"{ADDRESS}:{portal.port}")
    for role, initiator in (("host", portal.host), ("other", portal.other)):
        iface = f"{mark}-{role}"
        _admin(run, "-m", "iface", "-I", iface, "-o", "new")
        _admin(run, "-m", "iface", "-I", iface, "-o", "update", "-n", "iface.initiatorname", "-v", initiator)
        _admin(run, *node, "-I", iface, "-o", "new")
        # Some distributions would log in again at the next boot.
        _admin(run, *node, "-I", iface, "-o", "update", "-n", "node.startup", "-v", "manual")
        _admin(run, *node, "-I", iface, "--login")


def clear(mark: Mark, run: process.Runner) -> None:
    """Log out of the mark's targets, delete its records and interfaces; stop the daemon if it was ours and is idle."""
    for target in sorted(_targets(mark) | _recorded("nodes", mark)):
        if target in _targets(mark):
            _admin(run, "-m", "node", "-T", target, "--logout")
        _admin(run, "-m", "node", "-T", target, "-o", "delete")
    for iface in sorted(_recorded("ifaces", mark)):
        _admin(run, "-m", "iface", "-I", iface, "-o", "delete")
    _stop_daemon(run)


def sessions() -> list[str]:
    """Return the names of the targets that this machine is logged in to, one for each session."""
    return [path.read_text(errors="replace").strip() for path in SESSIONS.glob("session*/targetname")]


def records(kind: str, root: Path = Path("/")) -> list[str]:
    """Return the names of open-iscsi's records; `kind` is `nodes` or `ifaces`."""
    return sorted(entry.name for folder in RECORDS for entry in (root / folder).glob(f"{kind}/*"))


def daemon_runs() -> bool:
    """Whether an iscsid (or systemd in its place) listens."""
    return "@ISCSIADM_ABSTRACT_NAMESPACE" in Path("/proc/net/unix").read_text()


def _targets(mark: Mark) -> set[str]:
    return _marked(sessions(), mark)


def _recorded(kind: str, mark: Mark) -> set[str]:
    return _marked(records(kind), mark)


def _marked(found: Iterable[str], mark: Mark) -> set[str]:
    return {name for name in found if Mark.parse(name) == mark}


def _start_daemon(run: process.Runner) -> None:
    if daemon_runs():
        return
    done = run(["iscsid"], timeout=_PATIENCE)
    if done.code:
        raise DeviceError(f"iscsid does not start: {done.error_text.strip() or f'status {done.code}'}")
    lease.note("iscsid")


def _stop_daemon(run: process.Runner) -> None:
    """Stop an iscsid that some run started, when nobody is logged in to anything any more."""
    if lease.noted("iscsid") and not sessions():
        run(["iscsiadm", "-k", "0"], timeout=_PATIENCE)
        lease.unnote("iscsid")


def _link_up(run: process.Runner) -> None:
    if Path("/sys/class/net/lo/operstate").read_text().strip() == "down":
        run(["ip", "link", "set", "lo", "up"], timeout=10)


def _admin(run: process.Runner, *arguments: str) -> None:
    done = run(["iscsiadm", *arguments], timeout=_PATIENCE)
    if done.code:
        what = done.error_text.strip().replace("\n", "; ")
        raise DeviceError(f"iscsiadm {' '.join(arguments)} ended with status {done.code}: {what}")
