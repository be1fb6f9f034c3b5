"""Proof that the package is whole: sdist and wheel are built, the wheel is installed and used from there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ci.core import ROOT, SetupError, output_of, say
from ci.prepare import PYTHON


def top_level(names: Iterable[str]) -> set[str]:
    """Return what a wheel would put into site-packages, its own metadata aside.

    >>> top_level(["copyproof/__init__.py", "copyproof-0.1.dist-info/METADATA"])
    {'copyproof'}
    """
    return {first for name in names if not (first := name.split("/")[0]).endswith(".dist-info")}


def prove_package() -> bool:
    """Build, install and collect; say what is wrong and return False where something is."""
    with tempfile.TemporaryDirectory(prefix="copyproof-package-") as name:
        try:
            _prove(Path(name))
        except SetupError as error:
            print(error, file=sys.stderr)
            return False
    return True


def _prove(folder: Path) -> None:
    direct = _build(ROOT, folder / "direct", "--wheel", "--sdist")
    sdist = next((folder / "direct").glob("*.tar.gz"))
    output_of(["tar", "-xf", str(sdist), "-C", str(folder)])
    again = _build(folder / sdist.name.removesuffix(".tar.gz"), folder / "again", "--wheel")
    _same_content(direct, again)
    with zipfile.ZipFile(direct) as archive:
        if (found := top_level(archive.namelist())) != {"copyproof"}:
            raise SetupError(f"the wheel's top level must be copyproof alone, it is: {', '.join(sorted(found))}")
    python = _fresh_environment(folder / "fresh", direct)
    _collects(python, folder)
    say(f"{direct.name}: builds alike from checkout and sdist, installs, collects")


def _build(source: Path, target: Path, *what: str) -> Path:
    # Without isolation the build needs no network: hatchling is among the development tools.
    output_of([str(PYTHON), "-m", "build", "--no-isolation", *what, "--outdir", str(target), str(source)])
    return next(target.glob("*.whl"))


def _same_content(one: Path, other: Path) -> None:
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        left, right = ({name: archive.read(name) for name in archive.namelist()} for archive in (first, second))
    different = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
    if different:
        raise SetupError(f"checkout and sdist build different wheels: {', '.join(different[:10])}")


def _fresh_environment(folder: Path, wheel: Path) -> Path:
    """Return the Python of a new environment with the wheel in it.

    The other packages are those of .venv, so that no network is needed.
    """
    output_of([str(PYTHON), "-m", "venv", str(folder)])
    python = folder / "bin" / "python"
    output_of(
        [
            str(python),
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--disable-pip-version-check",
            str(wheel),
        ]
    )
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site, ours = (Path(output_of([str(one), "-c", ask]).strip()) for one in (python, PYTHON))
    # A .pth line only extends the path: the editable install's own .pth in .venv is not read, the wheel comes first.
    (site / "dependencies.pth").write_text(f"{ours}\n")
    return python


def _collects(python: Path, folder: Path) -> None:
    empty = folder / "empty"
    empty.mkdir()
    where = output_of([str(python), "-I", "-c", "import copyproof; print(copyproof.__file__)"], cwd=empty).strip()
    if not Path(where).resolve().is_relative_to((folder / "fresh").resolve()):
        raise SetupError(f"the fresh environment imports copyproof from {where}, not from the wheel")
    folders = "from copyproof import data\nfor name in ('targets', 'fixtures', 'reports'): data.folder(name)"
    output_of([str(python), "-I", "-c", folders], cwd=empty)
    collected = _count(
        [str(python), "-m", "pytest", "--collect-only", "-q", "--pyargs", "copyproof.conformance"], empty
    )
    if collected == 0:
        raise SetupError("no conformance test is collected from the installed wheel")


def _count(argv: Sequence[str], folder: Path) -> int:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = done.stdout[-3000:] + done.stderr[-2000:]
        raise SetupError(f"collecting from the wheel failed with status {done.returncode}:\n{said}")
    return sum("::" in line for line in done.stdout.splitlines())
