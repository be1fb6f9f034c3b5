"""A wrong target file ends as one line that names the file, the key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof.errors import UsageError
from copyproof.targets import spec

GOOD = """
name = "mine"
driver = "lio"
[luns]
source = { size = "8 MiB" }
destination = { size = 8388608 }
bystander = { size = "8 MiB" }
hidden = { size = "8 MiB" }
"""

LAB = """
name = "mine"
driver = "lab"
[luns]
source = { naa = "naa.6001405ABCDEF0123456789abcdef012" }
destination = { serial = "XYZ 1" }
"""


def written(folder: Path, text: str) -> str:
    """Write a target file and return its path."""
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", spec.names())
def test_every_shipped_file_loads_under_its_own_name(name: str) -> None:
    assert spec.load(name).name == name


@pytest.mark.parametrize("name", [name for name in spec.names() if name.startswith("lio-")])
def test_every_lio_target_holds_the_longest_copy_and_as_much_again(name: str) -> None:
    target = spec.load(name)
    for role in ("source", "destination"):
        assert target.luns[role].size >= 2 * 65535 * target.lio.block_size + 16 * 2**20


def test_the_six_lio_targets_and_the_lab_example_are_shipped() -> None:
    lio = {f"lio-{kind}" for kind in ("loopback", "4k", "pi", "ramdisk", "iblock", "iscsi")}
    assert lio | {"lab-example"} <= set(spec.names())


def test_sizes_are_bytes_or_text(tmp_path: Path) -> None:
    luns = spec.load(written(tmp_path, GOOD)).luns
    assert luns["source"].size == luns["destination"].size == 8 << 20


def test_a_designator_is_taken_in_any_usual_spelling(tmp_path: Path) -> None:
    assert spec.load(written(tmp_path, LAB)).luns["source"].naa == "6001405abcdef0123456789abcdef012"


def test_values_are_frozen(tmp_path: Path) -> None:
    target = spec.load(written(tmp_path, GOOD))
    with pytest.raises(AttributeError):
        target.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('driver = "lio"', 'driver = "loi"', "driver: 'loi' is not allowed; it must be one of lio, lab"),
        ('name = "mine"', "", "name: is missing; it must be text"),
        ('name = "mine"', "name = 1", "name: 1 is not allowed; it must be text"),
        ('name = "mine"', 'name = "M i"', "name: 'M i' is not allowed; it must be lower-case letters"),
        (
            'name = "mine"',
            'name = "mine"\ncomand_timeout = 1',
            "comand_timeout: unknown key; did you mean command_timeout",
        ),
        ('name = "mine"', 'name = "mine"\ncommand_timeout = -1', "command_timeout: -1 is not allowed"),
        ('name = "mine"', 'name = "mine"\ncommand_timeout = nan', "command_timeout: nan is not allowed"),
        (
            'name = "mine"',
            'name = "mine"\noverlap.rule = "up"',
            "overlap.rule: 'up' is not allowed; it must be one of memmove",
        ),
        ('name = "mine"', 'name = "mine"\noverlap.rule = "ascending"', "overlap.chunk: must be a multiple of 512"),
        ('name = "mine"', 'name = "mine"\noverlap.chunk = 512', "overlap.chunk: only rule = ascending has a chunk"),
        (
            'name = "mine"',
            'name = "mine"\nlabels.probes = ["x"]',
            "labels.probes: 'x' is not allowed; it must be one of none",
        ),
        ('name = "mine"', 'name = "mine"\nlabels.probes = ["sidecar"]', "labels.probes: sidecar needs"),
        ('name = "mine"', 'name = "mine"\nlio = 3', "lio: must be a table"),
        (
            'name = "mine"',
            'name = "mine"\nlio.block_size = 520',
            "lio.block_size: 520 is not allowed; it must be one of 512",
        ),
        (
            'name = "mine"',
            'name = "mine"\nlio = {protection = 1, backstore = "iblock"}',
            "lio.protection: 1 is not allowed",
        ),
        ("bystander", "bistander", "luns.bistander: unknown key; did you mean bystander"),
        ('hidden = { size = "8 MiB" }', "", "luns.hidden: is missing"),
        ('hidden = { size = "8 MiB" }', "hidden = 8", "luns.hidden: must be a table"),
        (
            'hidden = { size = "8 MiB" }',
            'hidden = { size = "8 MB" }',
            "luns.hidden.size: '8 MB' is not allowed; it must be bytes",
        ),
        ('hidden = { size = "8 MiB" }', "hidden = { size = -8 }", "luns.hidden.size: -8 is not allowed"),
        ('hidden = { size = "8 MiB" }', "hidden = { size = true }", "luns.hidden.size: True is not allowed"),
        ('hidden = { size = "8 MiB" }', "hidden = { size = 1000 }", "luns.hidden.size: must be a multiple of 4096"),
        (
            'hidden = { size = "8 MiB" }',
            'hidden = { size = 4096, serial = "x" }',
            "luns.hidden: the lio driver makes its units",
        ),
        (
            'hidden = { size = "8 MiB" }',
            "hidden = { size = 4096 }\nreadonly = { size = 4096 }",
            "luns.readonly: only lio.fabric",
        ),
    ],
)
def test_a_wrong_lio_file_names_key_and_what_is_allowed(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(UsageError) as refusal:
        spec.load(path)
    assert str(refusal.value).startswith(f"{path}: {said}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "naa.6001405ABCDEF0123456789abcdef012",
            "6001405",
            "luns.source.naa: '6001405' is not allowed; it must be an NAA",
        ),
        ('{ serial = "XYZ 1" }', "{}", "luns.destination: name the device by either naa or serial"),
        (
            '{ serial = "XYZ 1" }',
            '{ serial = "a", size = 1 }',
            "luns.destination.size: the lab driver takes devices as they are",
        ),
        (
            '{ serial = "XYZ 1" }',
            '{ naa = "0x6001405abcdef0123456789abcdef012" }',
            "luns.destination: names the same device as",
        ),
        ('destination = { serial = "XYZ 1" }', "", "luns.destination: is missing"),
    ],
)
def test_a_wrong_lab_file_names_key_and_what_is_allowed(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in LAB
    path = written(tmp_path, LAB.replace(old, new))
    with pytest.raises(UsageError) as refusal:
        spec.load(path)
    assert str(refusal.value).startswith(f"{path}: {said}")


def test_broken_toml_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.toml: cannot be read as TOML: .*line 2"):
        spec.load(written(tmp_path, "a = 1\nb = = 2\nc = 3\n"))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as TOML"):
        spec.load(str(path))


def test_an_unknown_name_gets_the_near_misses_and_the_list() -> None:
    with pytest.raises(UsageError, match=r"'lio-lopback'\. Did you mean lio-loopback.*lab-example.*lio-ramdisk"):
        spec.load("lio-lopback")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"no/such\.toml: there is no such target file"):
        spec.load("no/such.toml")


def test_the_path_of_a_profile_is_relative_to_the_target_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab").mkdir()
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "lab", f'profile = "own/array.toml"\n{LAB}')
    assert spec.load("lab/mine.toml").profile == str(tmp_path / "lab" / "own" / "array.toml")
    written(tmp_path / "lab", f'profile = "/etc/array.toml"\n{LAB}')
    assert spec.load("lab/mine.toml").profile == "/etc/array.toml"


def test_a_profile_without_suffix_is_a_shipped_one(tmp_path: Path) -> None:
    assert spec.load(written(tmp_path, f'profile = "lio"\n{LAB}')).profile == "lio"
