"""An array kept up for other processes, and the programs by which they order its pairs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from copyproof.targets.drivers import horcm


def test_programs_of_ccis_names_order_the_pairs_of_an_array_that_is_served() -> None:
    argv = [sys.executable, "-c", "from copyproof.cli import main; main()", "serve", "software-array-cci"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = ""
        while not said.startswith("CCI's commands and group files: "):
            said = server.stdout.readline()
            assert said
        folder = Path(said.split(": ")[1].strip())

        def run(command: str, *options: str) -> subprocess.CompletedProcess[str]:
            line = [str(folder / command), "-IM0", "-g", "copyproof", "-d", "primary.secondary", *options]
            return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

        assert run("paircreate", "-vl").returncode == 0
        assert run("pairevtwait", "-s", "pair", "-t", "60").stdout == "pairevtwait : Wait status done.\n"
        assert run("pairvolchk", "-ss").returncode == 23
        assert folder.stat().st_mode & 0o077 == 0
        server.terminate()
        assert server.wait(30) == 0
    assert not folder.exists()


def test_no_module_of_the_folder_that_a_program_is_called_in_is_taken_for_its_own(tmp_path: Path) -> None:
    horcm.prepare(tmp_path, {}, None)
    (tmp_path / "click.py").write_text("raise SystemExit(23)")
    line = [str(tmp_path / "pairvolchk"), "-IM0", "-g", "nodb", "-ss"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "has no group 'nodb'" in done.stderr) == (239, True), done.stderr
