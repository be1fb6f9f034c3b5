from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ci.attend import attended
from ci.kernel import Kernel
from ci.machine import Job, Parts, arguments, hidden_folders

AWKWARD = ["it's", 'a "b"', "$HOME `id` \\", "", "a\nb", "ü", "-n", "*"]


def test_arguments_and_environment_survive_the_job_file(tmp_path: Path) -> None:
    script = Job(AWKWARD, tmp_path / "a 'b", {"X": "a'b\n$c"}).script(Path("/modules"))
    told = 'printf "%s\\0" "$folder" "$X" "$@"'
    lines = [told if line.startswith(". ") else line for line in script.split("\n")]
    done = subprocess.run(["sh", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0")[:-1] == [str(tmp_path / "a 'b"), "a'b\n$c", *AWKWARD]


def test_each_hidden_folder_is_given_to_the_guest_whole() -> None:
    script = Job(["true"], Path("/"), {}, kept=[Path("/tmp/a b"), Path("/tmp/c")]).script(Path("/m"))
    script = script.partition(". ")[0] + '\nshow() { echo "[$1]"; }\neach_kept show\n'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[/tmp/a b]", "[/tmp/c]"]


def test_a_checkout_under_tmp_is_kept_visible_once() -> None:
    folders = [Path("/tmp/x/checkout/sub"), Path("/tmp/x/checkout"), Path("/tmp"), Path("/tmpother")]
    assert hidden_folders(folders) == [Path("/tmp/x/checkout")]


@pytest.mark.parametrize(("kvm", "wanted"), [(True, "kvm"), (False, "tcg,thread=multi")])
def test_the_accelerator_is_the_one_that_was_seen_to_work(kvm: bool, wanted: str) -> None:
    parts = Parts(Kernel("6.1", Path("/k"), Path("/m")), Path("/f"), Path("/t"), kvm=kvm)
    given = arguments(parts, Path("/f"), Path("/c,d"), {"stdout": 7})
    assert given[given.index("-accel") + 1] == wanted
    assert "file,id=console,path=/c,,d" in given
    assert "file,id=stdout,path=/dev/fd/7" in given


def test_the_root_of_the_host_is_shared_read_only() -> None:
    parts = Parts(Kernel("6.1", Path("/k"), Path("/m")), Path("/f"), Path("/t"), kvm=False)
    shares = [value for value in arguments(parts, Path("/f"), Path("/c"), {}) if value.startswith("local,")]
    assert [("id=root" in share, share.endswith("readonly=on")) for share in shares] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_a_late_program_may_clean_up_before_it_ends(tmp_path: Path) -> None:
    program = "import signal, sys, time, pathlib\n"
    program += "signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path('down').touch(), sys.exit(0)))\ntime.sleep(60)\n"
    status = attended([sys.executable, "-c", program], folder=tmp_path, environment={}, timeout=1)
    assert status == 124
    assert (tmp_path / "down").exists()


def test_programs_hear_an_interrupt_even_where_the_shell_had_it_ignored(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    program = f"import sys\nsys.path.insert(0, {str(root)!r})\nfrom ci.attend import guarded\nimport subprocess\n"
    program += f"sys.exit(guarded(lambda: subprocess.run([sys.executable, '-c', {child!r}]).returncode))\n"
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", program]
    done = subprocess.run(ignoring, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
