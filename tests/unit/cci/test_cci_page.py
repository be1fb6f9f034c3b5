"""The page about CCI's commands holds: its group files are read, its examples run as shown, its tables say what is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.cci.codes import Code
from copyproof.cci.states import SHOWN
from copyproof.cli.cci import cci
from copyproof.serving.inproc import Served
from copyproof.serving.socket import Seat, ServedSocket
from tests.unit.cci.cci_desk import Desk, naa

PAGE = (Path(__file__).parents[3] / "docs" / "cci.md").read_text()
FILES = dict(re.findall(r"^```(horcm\d\.conf)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
(CONSOLE,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Desk]:
    """The array and the group files of the page."""
    tmp_path.chmod(0o700)
    array = Served(ArraySettings(volumes=tuple(VolumeSettings(number, 4096, naa(number)) for number in range(1, 5))))
    array.hold()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text.replace("/run/copyproof/array", str(tmp_path / "array")))
    with ServedSocket(tmp_path / "array", array, {naa(number): Seat("host", number) for number in range(1, 5)}):
        yield Desk(array, tmp_path)


def test_the_examples_end_as_the_page_shows(shop: Desk) -> None:
    shown: list[str] = []
    code = 0
    for line in CONSOLE.splitlines():
        if line.startswith("# the array copies"):
            shop.array.run(100)
            shown.append(line)
        elif line == "$ echo $?":
            shown += [line, str(code)]
        elif line.startswith("$ "):
            done = shop.run(line[2:])
            code = done.code
            said = (done.out + done.err).replace(f"{shop.folder}/", "")
            shown += [line, *said.splitlines()]
    assert "\n".join([*shown, ""]) == CONSOLE
    assert CONSOLE.count("echo $?") >= 5


def test_the_page_has_each_code_by_its_name_and_number() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| ([A-Z_, ]+) \|", PAGE, re.MULTILINE)
    told = {
        name: int(code)
        for codes, names in rows
        for code, name in zip(codes.split(", "), names.split(", "), strict=True)
    }
    assert told == {code.name: code.value for code in Code}


def test_the_page_has_each_command_option_and_state() -> None:
    options = {option for command in cci.commands.values() for each in command.params for option in each.opts}
    words = {word for word in options if word.startswith("-")} - {"--help", "-h"}
    assert [word for word in (*cci.commands, *words) if f"`{word}" not in PAGE and f"{word}`" not in PAGE] == []
    assert [state for state in SHOWN if state.value not in PAGE] == []
