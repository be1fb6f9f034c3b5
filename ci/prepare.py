"""The set-up shared by every command of this folder: packages, the virtual environment, the test machine's parts."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ci.core import ROOT, VENV, SetupError, cache_folder, digest, locked, output_of, replace_file, say
from ci.debian import ensure_packages

OLDEST = (3, 11)
PYTHON = VENV / "bin" / "python"


def set_up(*, purpose: str = "") -> None:
    """Make the checkout ready to run: what is there already costs a fraction of a second and no network.

    Raises:
        SetupError: something is missing that cannot be had here; the message says what to do.
    """
    if sys.version_info < OLDEST:
        raise SetupError(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, this is {sys.version.split()[0]} ({sys.executable})"
        )
    with locked(cache_folder() / "lock"):
        ensure_packages(purpose)
        ensure_environment()


def ensure_environment() -> None:
    """Make the virtual environment and install the project into it, in place, unless that was done already."""
    stamp = VENV / "copyproof.stamp"
    if stamp.is_file() and stamp.read_text() == _current_key():
        return
    stamp.unlink(missing_ok=True)
    _install()
    replace_file(stamp, _current_key().encode())


def _current_key() -> str:
    """Return the key of the environment as it is now; the Python is its own, whichever one runs this."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    about = VENV / "pyvenv.cfg"
    python = (about.read_text() if about.is_file() else "") + str(PYTHON.resolve()) * PYTHON.exists()
    return environment_key(project, python, ROOT)


def environment_key(project: Mapping[str, Any], python: str, root: Path) -> str:
    """Return what the content of the virtual environment depends on; settings of the checkers do not count.

    >>> environment_key({"tool": {"ruff": 1}}, "3", Path("/")) == environment_key({"tool": {"ruff": 2}}, "3", Path("/"))
    True
    """
    tools = project.get("tool", {})
    return digest(project.get("build-system"), project.get("project"), tools.get("hatch"), python, str(root))


def _install() -> None:
    if not _usable(VENV):
        say("making the virtual environment .venv")
        shutil.rmtree(VENV, ignore_errors=True)
        if importlib.util.find_spec("ensurepip") is None:
            raise SetupError("this Python has no venv module; install the package python3-venv")
        output_of([sys.executable, "-m", "venv", str(VENV)])
    say("installing the project and its tools into .venv")
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
    output_of([*pip, "-e", f"{ROOT}[dev,lio]"])


def _usable(folder: Path) -> bool:
    """Tell whether a virtual environment works and is at home here: a copied one still points to its old place."""
    scripts = folder / "bin" / "pip"
    if not scripts.is_file() or str(folder) not in scripts.read_text(errors="replace").partition("\n")[0]:
        return False
    asked = [str(folder / "bin/python"), "-c", f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"]
    try:
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def tools_environment() -> dict[str, str]:
    """Return the environment for what runs out of .venv on the host."""
    return os.environ | {"PATH": f"{VENV}/bin:{os.environ.get('PATH', '')}", "VIRTUAL_ENV": str(VENV)}
