"""Debian packages: which are missing, installing them where that is allowed, fetching without installing."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from ci.core import ROOT, SetupError, cache_folder, digest, find_tool, once, output_of, say

T = TypeVar("T")

LIST = ROOT / "ci" / "packages"


def listed(text: str, purpose: str = "") -> list[str]:
    """Return the package names of a list: one a line, ``#`` starts a comment.

    ``[test]`` or ``[vm]`` behind a name marks what only that purpose needs.

    >>> listed("# all\\nudev  # names\\n\\nchromium [test]")
    ['udev']
    >>> listed("udev\\nchromium [test]", "test")
    ['udev', 'chromium']
    """
    rows = [line.partition("#")[0].split() for line in text.splitlines()]
    return [row[0] for row in rows if row and row[1:] in ([], [f"[{purpose}]"])]


def guest_only(text: str) -> list[str]:
    """Return the packages of a list that only the test machine needs.

    >>> guest_only("udev\\nlvm2 [vm]")
    ['lvm2']
    """
    return [name for name in listed(text, "vm") if name not in listed(text)]


def missing(wanted: Iterable[str], status: str) -> list[str]:
    """Return the wanted packages that the lines of ``dpkg-query``, state and name, do not show as installed.

    >>> missing(["udev", "kmod", "lvm2"], "ii udev\\nrc lvm2\\n")
    ['kmod', 'lvm2']
    """
    installed = {line.split()[-1] for line in status.splitlines() if line.startswith(("ii", "hi"))}
    return [name for name in wanted if name not in installed]


def ensure_packages(purpose: str = "") -> None:
    """Install the listed packages that are missing.

    Raises:
        SetupError: packages are missing and may not be installed by this user; the message is the command that does it.
    """
    wanted = [name for name in listed(LIST.read_text(), purpose) if not _needless(name)]
    # dpkg's own file changes with every installation, so its date says whether the answer may differ.
    state = Path("/var/lib/dpkg/status")
    if not state.exists():
        raise SetupError(f"this is no Debian or Ubuntu: install what {LIST} names by hand, then start again")
    once(
        cache_folder() / f"packages{purpose}.stamp", digest(wanted, state.stat().st_mtime_ns), lambda: _install(wanted)
    )


def _needless(name: str) -> bool:
    """Tell whether a package may be absent: this Python may bring venv, Ubuntu has chromium as a snap."""
    if name == "python3-venv":
        return importlib.util.find_spec("ensurepip") is not None
    return name == "chromium" and "ID=ubuntu" in Path("/etc/os-release").read_text()


def _install(wanted: Sequence[str]) -> None:
    absent = missing(wanted, _dpkg_status())
    if not absent:
        return
    prefix = root_prefix()
    if prefix is None:
        raise SetupError(
            f"packages are missing and this user may not install them; run: sudo apt-get install {' '.join(absent)}"
        )
    say(f"installing Debian packages: {' '.join(absent)}")
    if not _apt_install(prefix, absent):
        update_lists()
        if not _apt_install(prefix, absent):
            raise SetupError(f"apt-get could not install: {' '.join(absent)} (its words are above)")
    if still := missing(wanted, _dpkg_status()):
        raise SetupError(f"apt-get ended well, yet these packages are not installed: {' '.join(still)}")


def _dpkg_status() -> str:
    return output_of(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\\n"])


def root_prefix() -> list[str] | None:
    """Return what to put before a command to run it as root without a question, None where that cannot be."""
    if os.geteuid() == 0:
        return []
    sudo = find_tool("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _apt_install(prefix: Sequence[str], names: Sequence[str]) -> bool:
    # Services of the packages are not wanted on the host, only their programs.
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1"]
    command = [*prefix, *environment, "apt-get", "install", "-q", "-y", "--no-install-recommends", *names]
    return subprocess.run(command, stdout=2, check=False, stdin=subprocess.DEVNULL).returncode == 0


def update_lists() -> None:
    """Fetch the package lists; a bare container has none."""
    prefix = root_prefix()
    if prefix is None:
        raise SetupError(
            "the package lists are missing or old and this user may not fetch them; run: sudo apt-get update"
        )
    say("fetching the package lists")
    output_of([*prefix, "apt-get", "update", "-q"])


def dependencies(text: str) -> list[str]:
    """Return the direct dependencies of a package from what ``apt-cache depends`` prints.

    >>> dependencies("linux-image-amd64\\n  Depends: linux-image-6.1.0-56-amd64\\n")
    ['linux-image-6.1.0-56-amd64']
    """
    return re.findall(r"^\s*\|?(?:Pre)?Depends: ([^<\s]+)", text, re.MULTILINE)


def ensure_guest_tools() -> Path:
    """Return a folder with the programs that only the test machine needs, laid out like a root.

    Raises:
        SetupError: they cannot be fetched.
    """
    absent = missing(guest_only(LIST.read_text()), _dpkg_status())
    folder = cache_folder() / f"guest-tools-{digest(absent)}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as drafts:
            tree = Path(drafts, "tree")
            tree.mkdir()
            if absent:
                say(f"fetching for the test machine: {' '.join(absent)}")
                with_fresh_lists(lambda: unpack(_with_dependencies(absent), tree, Path(drafts, "archives")))
            merge_usr(tree)
            tree.rename(folder)
    return folder


def _with_dependencies(names: Sequence[str]) -> list[str]:
    """Return the packages and what else would have to be installed with them on this machine."""
    simulated = output_of(["apt-get", "install", "--simulate", "-q", "--no-install-recommends", *names])
    return re.findall(r"^Inst (\S+)", simulated, re.MULTILINE)


def with_fresh_lists(work: Callable[[], T]) -> T:
    """Do some fetching; where it fails, fetch the package lists and do it again."""
    try:
        return work()
    except SetupError:
        update_lists()
        return work()


def merge_usr(tree: Path) -> None:
    """Move what old packages ship in /bin, /sbin and /lib below /usr, where those are links to."""
    for name in ("bin", "sbin", "lib", "lib64"):
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            shutil.copytree(tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)


def unpack(names: Sequence[str], folder: Path, drafts: Path) -> None:
    """Download packages and unpack them into a folder, without installing anything."""
    drafts.mkdir(parents=True, exist_ok=True)
    # Its sandbox user often may not write the folder; it says so on standard error and goes on.
    output_of(["apt-get", "download", "-q", *names], cwd=drafts)
    folder.mkdir(parents=True, exist_ok=True)
    for archive in sorted(drafts.glob("*.deb")):
        output_of(["dpkg-deb", "-x", str(archive), str(folder)])
