"""Which rooms may know which: import-linter's contracts hold, and modules load light and alone."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import copyproof

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(info.name for info in pkgutil.walk_packages(copyproof.__path__, "copyproof."))
#: What costs time to load, and must not be loaded by these before it is needed.
HEAVY = {"numpy", "jinja2", "rich", "rtslib_fb", "pyudev", "tabulate"}
LIGHT = ("copyproof.plugin.options", "copyproof.cli", "copyproof.targets.spec", "copyproof.scsi.copylist")


def loaded(code: str) -> set[str]:
    """Run some code in a new interpreter and return the top-level names of what it has loaded."""
    printing = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", printing], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_imports_run_one_way() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_module_can_be_the_first_to_be_imported() -> None:
    """A circle would let some modules load only after others."""
    code = f"""
import importlib, sys
for name in {MODULES!r}:
    for loaded in [key for key in sys.modules if key.startswith("copyproof")]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert len(MODULES) > 60


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_loads_nothing_heavy(module: str) -> None:
    assert loaded(f"import {module}") & HEAVY == set()


def test_the_entry_point_of_the_plugin_loads_nothing_but_pytest() -> None:
    assert loaded("import pytest\nimport copyproof.plugin.options") - loaded("import pytest") == {"copyproof"}


def test_the_package_is_the_only_one_at_the_top() -> None:
    here = Path(copyproof.__file__).parent.parent
    packages = {entry.name for entry in here.iterdir() if (entry / "__init__.py").exists()}
    assert packages == {"copyproof"}
