"""The table [pairs] of a target file: what is wrong ends as one line, and what is right reaches service and model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from copyproof.array.core.pair_rules import PairRules as ArrayRules
from copyproof.array.core.pair_rules import access as array_access
from copyproof.array.core.pair_rules import answer as array_answer
from copyproof.errors import UsageError
from copyproof.pairing.command import CommandPairs
from copyproof.pairing.inband import InBandPairs
from copyproof.pairing.service import Existence
from copyproof.scsi.pair import HostAccess, PairCommand, PairState, SplitKind, VolumeRole
from copyproof.targets import spec
from copyproof.targets.drivers.software import SoftwareDriver
from copyproof.targets.live import LiveTarget, PairHooks
from copyproof.targets.pairs import declared, rules_of, service_of
from copyproof.targets.pairspec import PairSpec

LUNS = {role: {"size": "1 MiB"} for role in ("source", "destination", "bystander", "hidden", "primary", "secondary")}


def target(pairs: dict[str, Any], **more: Any) -> spec.TargetSpec:
    """A software target with such a table."""
    raw = {"name": "mine", "driver": "software", "transport": "inprocess", "luns": LUNS, "pairs": pairs, **more}
    return spec.parse(raw, "mine.toml")


@pytest.mark.parametrize(
    ("pairs", "complaint"),
    [
        ({"wey": "inband"}, "pairs.wey: unknown key; did you mean way?"),
        ({"way": "rest"}, "pairs.way: 'rest' is not allowed; it must be one of inband, command"),
        ({"way": "command"}, "pairs.template: is missing; way = command needs a template's NAME"),
        ({"template": "cci"}, "pairs.template: only way = command has it"),
        ({"names": {"vg": "x"}}, "pairs.names: only way = command has it"),
        ({"operations": ["mirror"]}, "pairs.operations: 'mirror' is not allowed; it must be one of create, create-sp"),
        ({"kinds": ["slow"]}, "pairs.kinds: 'slow' is not allowed; it must be one of normal, quick"),
        ({"states": ["SSUS"]}, "pairs.states: 'SSUS' is not allowed; it must be one of SMPL"),
        ({"secondaries": 0}, "pairs.secondaries: 0 is not allowed"),
        ({"slot": "700 B"}, "pairs.slot: must be a multiple of the block of 512 bytes"),
        ({"timeout": 0}, "pairs.timeout: 0 is not allowed"),
        ({"access": {"RCPY": {"primary": "read"}}}, "pairs.access.RCPY.secondary: is missing; it must be one of none"),
        ({"access": {"RYCP": {}}}, "pairs.access.RYCP: unknown key; did you mean RCPY?"),
        ({"refuses_unequal": False}, "pairs.refuses_unequal: only way = command has it"),
        (
            {"shows": {"COPY(RS)": "PAIR"}, "progress": False},
            "pairs.shows.COPY(RS): is shown as what follows it, and without progress nothing tells when it has ended",
        ),
        ({"rules": {"split_of_resync": "yes"}}, "pairs.rules.split_of_resync: 'yes' is not allowed; it must be one of"),
        ({"rules": {"write_refused": ["7/27"]}}, "pairs.rules.write_refused: '7/27' is no outcome"),
        ({"rules": {"split": "refused"}}, "pairs.rules.split: unknown key"),
        ({"way": "command", "template": "cci", "volumes": {"third": {}}}, "pairs.volumes.third: there is no such unit"),
    ],
)
def test_a_wrong_table_is_told_by_file_and_key(pairs: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError) as told:
        target(pairs)
    assert str(told.value).startswith(f"mine.toml: {complaint}")


@pytest.mark.parametrize("pairs", [{"progress": True}, {"progress": False, "states": ["SMPL", "PAIR"]}])
def test_a_state_may_be_shown_as_the_next_where_progress_tells_its_end_or_there_is_none(pairs: dict[str, Any]) -> None:
    given = target({"shows": {"COPY(RS)": "PAIR"}, **pairs}).pairs
    assert given is not None
    assert given.shows == {"COPY(RS)": "PAIR"}


def test_pairs_need_two_volumes() -> None:
    with pytest.raises(UsageError, match=r"^mine\.toml: pairs\.way: pairs need the units luns\.primary and"):
        target({}, luns={role: size for role, size in LUNS.items() if role != "secondary"})


def test_a_target_without_the_table_has_no_pairs() -> None:
    with pytest.raises(
        UsageError, match=r"^lio-4k: this target declares no pairs \(give its file a table \[pairs\]\)$"
    ):
        declared(spec.load("lio-4k"))


def test_what_a_file_declares_reaches_the_service() -> None:
    access = {"PSUE": {"primary": "read", "secondary": "none"}}
    told = declared(
        target({"operations": ["split"], "kinds": ["quick"], "access": access, "secondary_exists": "split"})
    )
    assert told.operations == {PairCommand.SPLIT}
    assert told.kinds == {SplitKind.QUICK}
    assert told.access[PairState.PSUE] == (HostAccess.READ, HostAccess.NONE)
    assert told.access[PairState.PAIR] == (HostAccess.READ_WRITE, HostAccess.READ)
    assert told.secondary_exists is Existence.SPLIT


def test_a_file_without_keys_declares_what_most_guides_say() -> None:
    told = declared(target({}))
    assert told.operations == set(PairCommand)
    assert told.states == set(PairState)
    assert told.slot == PairSpec().slot == 256 * 1024


def test_slots_are_told_to_the_model_in_blocks() -> None:
    assert rules_of(target({"slot": "64 KiB"})).slot == 128
    assert rules_of(target({"slot": "64 KiB"}, array={"block_size": 4096})).slot == 16


ARRAYS = [name for name in spec.names() if spec.load(name).driver in ("software", "tcmu") and spec.load(name).pairs]


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_declared_of_the_softwares_pairs_is_how_it_answers(name: str) -> None:
    """The array's own tables and the model's were written apart; where they differ, the file has to say so."""
    rules, own = rules_of(spec.load(name)), ArrayRules()
    for state in PairState:
        for command in PairCommand:
            assert (state, command, rules.answer(state, command)) == (state, command, array_answer(state, command, own))
        roles = (VolumeRole.PRIMARY, VolumeRole.SECONDARY)
        assert (state, rules.access(state)) == (state, tuple(array_access(state, role, own) for role in roles))
    assert (rules.secondaries, rules.slot * 512) == (own.secondaries, own.grain)


def test_the_service_is_the_one_of_the_way(tmp_path: Path) -> None:
    (tmp_path / "mine-pairs.toml").write_text('[status]\nsteps = [["x"]]\npatterns = [{ exit = 1, state = "SMPL" }]\n')
    luns = "".join(f'{role} = {{ size = "1 MiB" }}\n' for role in LUNS)
    head = 'name = "mine"\ndriver = "software"\ntransport = "inprocess"\n'
    pairs = '[pairs]\nway = "command"\ntemplate = "mine-pairs.toml"\n'
    path = tmp_path / "mine.toml"
    path.write_text(f"{head}[luns]\n{luns}{pairs}")
    for name, kind in (("software-array", InBandPairs), (str(path), CommandPairs)):
        with SoftwareDriver(spec.load(name)) as live:
            assert isinstance(service_of(live, {}), kind)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"names": {"prefix": "another"}}, "names.prefix"),
        ({"volumes": {"secondary": {"store": "sda1"}}}, "volumes.secondary"),
    ],
)
def test_a_target_file_does_not_rename_what_the_driver_made(given: dict[str, Any], key: str) -> None:
    hooks = PairHooks(names={"prefix": "run"})
    live = LiveTarget(target({"way": "command", "template": "dmsetup", **given}), {}, pair_hooks=hooks)
    with pytest.raises(UsageError, match=rf"^mine: pairs\.{key}: the driver made the units"):
        service_of(live, {})
    chunk = target({"way": "command", "template": "dmsetup", "names": {"chunk": "64"}})
    assert service_of(LiveTarget(chunk, {}, pair_hooks=hooks), {}).declared.groups
