"""Every file of the folder `targets` is a target that loads, a folder of profiles, or the page about them."""

from __future__ import annotations

import re
import tomllib

import pytest

from copyproof import data
from copyproof.targets import spec
from copyproof.targets.drivers.lio.targetcli import script
from copyproof.targets.pairspec import PairSpec, RuleSpec
from copyproof.targets.rules import ROLES
from copyproof.targets.table import Struct

FOLDER = data.folder("targets")
README = (FOLDER / "README.md").read_text()


def test_the_folder_holds_targets_profiles_templates_and_the_page_about_them() -> None:
    rest = {path.name for path in FOLDER.iterdir() if path.suffix != ".toml"}
    assert rest == {"README.md", "pairing", "profiles"}


@pytest.mark.parametrize("name", spec.names())
def test_every_target_is_in_the_table(name: str) -> None:
    assert f"| `{name}` |" in README


def test_every_key_is_explained() -> None:
    keys = {*spec.TargetSpec.__struct_fields__} - {"overlap", "labels", "lio", "array", "mirror", "luns", "pairs"}
    tables: tuple[tuple[str, type[Struct]], ...] = (
        ("overlap", spec.Overlap),
        ("labels", spec.Labels),
        ("lio", spec.LioSpec),
        ("array", spec.ArraySpec),
        ("mirror", spec.MirrorSpec),
        ("pairs", PairSpec),
        ("pairs.rules", RuleSpec),
    )
    for table, kind in tables:
        keys |= {f"{table}.{field}" for field in kind.__struct_fields__}
    assert [key for key in sorted(keys) if f"| `{key}` |" not in README] == []
    assert [role for role in ROLES if f"`{role}`" not in README] == []


@pytest.mark.parametrize("name", [name for name in spec.names() if name.startswith("lio-")])
def test_the_targetcli_script_maps_every_unit_of_a_target(name: str) -> None:
    target = spec.load(name)
    text = script(target)
    mapped = [line.split("luns create ")[1].split()[0] for line in text.splitlines() if "luns create " in line]
    assert sorted(store.rpartition("/")[2] for store in mapped) == sorted(target.luns)
    assert text.count("pi_prot_type=1") == (len(target.luns) if target.lio.protection else 0)
    assert text.count("block_size=4096") == (len(target.luns) if target.lio.block_size == 4096 else 0)


EXAMPLE = (FOLDER / "lab-example.toml").read_text()
#: Every key of a target file that means something to the lab driver.
LAB_KEYS = sorted(
    {
        *spec.TargetSpec.__struct_fields__,
        *spec.Overlap.__struct_fields__,
        *spec.Labels.__struct_fields__,
        *spec.LunSpec.__struct_fields__,
        *ROLES,
    }
    - {"lio", "array", "mirror", "pairs", "size"}
)


@pytest.mark.parametrize("key", LAB_KEYS)
def test_the_example_for_a_lab_shows_every_key(key: str) -> None:
    assert re.search(rf"(?m)^(# )?(\[{key}\]|{key} = )|[{{,] {key} = ", EXAMPLE)


def test_the_example_for_a_lab_is_sound_with_every_key_taken_in() -> None:
    text = re.sub(r"(?m)^# (?=[a-z0-9-]+ = )", "", EXAMPLE).replace('rule = "memmove"', 'rule = "ascending"')
    target = spec.parse(tomllib.loads(text), "lab-example.toml")
    assert set(target.luns) == set(ROLES)
    assert target.profile == "my-array.toml"
    assert target.version == "4.2"
    assert target.overlap.chunk == 8 << 20
    assert target.luns["hidden"].destroy
    assert target.luns["destination"].serial


def test_the_example_for_a_lab_names_every_probe_that_sees_something() -> None:
    assert [probe for probe in spec.LabelProbe if f'"{probe.value}"' not in EXAMPLE] == [spec.LabelProbe.NONE]
