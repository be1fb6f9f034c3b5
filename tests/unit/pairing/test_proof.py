"""Before an order is run, its volumes are proven to be the target's, and the S-VOL to be in no other pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from copyproof.errors import DeviceError, MalformedAnswer, SafetyRefusal, TargetLost
from copyproof.pairing.service import Existence
from copyproof.scsi.pair import PairCommand, PairState
from tests.unit.pairing.vendor import NAAS, S2, TOOL, Lab, Named, P, S, ask, changed

CREATE, SPLIT, DELETE = PairCommand.CREATE, PairCommand.SPLIT, PairCommand.DELETE

IDENTIFY = {"steps": [["sh", "{tool}", "name", "{volume.name}", "{volume.naa}"]], "pattern": r"has id (?P<id>\S*)$"}


@pytest.mark.parametrize("command", [CREATE, SPLIT, DELETE])
@pytest.mark.parametrize("strange", ["primary", "secondary"])
def test_nothing_is_run_where_a_unit_is_another_one(lab: Lab, command: PairCommand, strange: str) -> None:
    other = Named("60200000000000000000000000000099")
    volumes = {
        volume.name: replace(volume, transport=other if volume.name == strange else volume.transport)
        for volume in (P, S)
    }
    with pytest.raises(TargetLost, match=r"^named was 6020\w+ and is now 6020\w+99; no order about it is run$"):
        lab.service().order(ask(command, volumes["primary"], volumes["secondary"]))
    assert lab.log == []


def test_the_units_are_asked_anew_before_each_order(lab: Lab) -> None:
    first, second = (replace(volume, transport=Named(volume.naa)) for volume in (P, S))
    service = lab.service()
    for command in (CREATE, SPLIT, DELETE):
        service.order(ask(command, first, second))
    assert [volume.transport.asked for volume in (first, second) if isinstance(volume.transport, Named)] == [3, 3]


def test_nothing_is_run_for_a_unit_that_cannot_be_asked(lab: Lab) -> None:
    with pytest.raises(SafetyRefusal, match=r"^secondary cannot be asked who it is, so no order about it is run$"):
        lab.service().order(ask(CREATE, P, replace(S, transport=None)))
    with pytest.raises(SafetyRefusal, match=r"^primary cannot be asked"):
        lab.service(secondary_exists=Existence.SPLIT).order(ask(CREATE, replace(P, transport=None), S))
    assert lab.log == []


def test_an_s_vol_that_is_not_there_before_the_split_need_not_be_asked(lab: Lab) -> None:
    service = lab.service(secondary_exists=Existence.SPLIT)
    assert service.order(ask(CREATE, P, replace(S, transport=None))).accepted


def test_a_volume_is_no_pair_with_itself(lab: Lab) -> None:
    with pytest.raises(SafetyRefusal, match=r"^primary cannot be its own S-VOL: nothing was run$"):
        lab.service().order(ask(CREATE, P, P))
    assert lab.log == []


def test_the_vendors_name_must_mean_the_same_volume(lab: Lab) -> None:
    service = lab.service(raw=changed("identify", IDENTIFY))
    assert service.order(ask(CREATE)).accepted
    said = f'echo "volume $2 has id {NAAS[2]}"'
    strange = lab.service(TOOL.replace('echo "volume $2 has id $3"', said), changed("identify", IDENTIFY))
    with pytest.raises(SafetyRefusal) as told:
        strange.order(ask(SPLIT))
    why = f"the vendor's program says {NAAS[2]} for it, not {NAAS[0]} (correct pairs.volumes.primary)"
    assert str(told.value) == f"lab: primary: {why}; nothing was ordered"
    assert lab.log == ["create primary secondary"]


def test_nothing_is_run_where_the_vendors_name_means_two_volumes(lab: Lab) -> None:
    both = f'echo "volume $2 has id $3"; echo "volume $2 has id {NAAS[2]}"'
    strange = lab.service(TOOL.replace('echo "volume $2 has id $3"', both), changed("identify", IDENTIFY))
    with pytest.raises(MalformedAnswer, match=f"^identifying primary: it is told as {NAAS[0]} and as {NAAS[2]}$"):
        strange.order(ask(CREATE))
    assert lab.log == []


@pytest.mark.parametrize("said", ["echo rubbish", "true", 'echo "has id $3"; exit 1', 'echo "has id "; kill -KILL $$'])
def test_nothing_is_run_where_the_vendors_name_is_not_told(lab: Lab, said: str) -> None:
    tool = TOOL.replace('echo "volume $2 has id $3"', said)
    with pytest.raises(MalformedAnswer, match=r"^identifying primary: "):
        lab.service(tool, changed("identify", IDENTIFY)).order(ask(CREATE))
    assert lab.log == []


def test_what_the_vendor_says_of_a_volume_may_be_another_name_than_its_naa(lab: Lab) -> None:
    asked = {
        "steps": [["echo", "has id /dev/vg/LV-7"]],
        "pattern": r"has id (?P<id>\S+)$",
        "expected": "/dev/vg/{volume.lv}",
    }
    raw = changed("volumes", {"lv": "lv-{volume.number}"}, changed("identify", asked))
    with pytest.raises(SafetyRefusal, match=r"the vendor's program says /dev/vg/LV-7 for it, not /dev/vg/lv-6"):
        lab.service(raw=raw).order(ask(CREATE))


def test_the_vendors_name_of_a_pair_must_mean_both_volumes(lab: Lab) -> None:
    asked = {"steps": [["echo", f"L {NAAS[0]} R {NAAS[1]}"]], "pattern": r"^L (?P<primary>\S+) R (?P<secondary>\S+)$"}
    service = lab.service(raw=changed("identify_pair", asked))
    assert service.order(ask(CREATE)).accepted
    with pytest.raises(SafetyRefusal) as told:
        service.order(ask(CREATE, P, S2))
    why = f"the vendor's program says {NAAS[1]} for it, not {NAAS[2]} (correct pairs.volumes.secondary-2)"
    assert str(told.value) == f"lab: secondary-2: {why}; nothing was ordered"
    silent = lab.service(raw=changed("identify_pair", {**asked, "steps": [["echo", "rubbish"]]}))
    with pytest.raises(MalformedAnswer, match=r"^identifying the pair of primary and secondary: exit 0: rubbish"):
        silent.order(ask(SPLIT))
    assert lab.log == ["create primary secondary"]


def listed(raw: dict[str, Any]) -> dict[str, Any]:
    """With a listing that shows the files in which the vendor's program keeps its pairs."""
    show = 'cd "$1" && for f in tool.*.*; do echo "$f $(cat "$f")"; done'
    row = r"^tool\.(?P<primary>[a-z0-9-]+)\.(?P<secondary>[a-z0-9-]+) (?P<state>[A-Z]+)$"
    steps = [["sh", "-c", show, "-", "{folder}"]]
    words = {"SSUS": "PSUS"}
    return changed("display", {"steps": steps, "row": row, "called": "{volume.name}", "words": words}, raw)


def asked_for(raw: dict[str, Any]) -> dict[str, Any]:
    """With a question whether a volume is in any pair, which ends with 11 where it is not."""
    ask = 'cd "$1" && grep -l -v SMPL tool.*."$2" tool."$2".* 2>/dev/null | grep -q . || exit 11; echo paired'
    patterns = [{"exit": 11, "state": "SMPL"}, {"pattern": "paired", "state": "PAIR"}]
    return changed(
        "paired", {"steps": [["sh", "-c", ask, "-", "{folder}", "{volume.name}"]], "patterns": patterns}, raw
    )


def plain(raw: dict[str, Any]) -> dict[str, Any]:
    """With nothing but the question for one pair."""
    return raw


Ways = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize("way", [plain, listed, asked_for])
def test_an_s_vol_that_is_in_another_pair_is_refused_before_a_create(lab: Lab, way: Ways) -> None:
    service = lab.service(raw=way(changed("names.folder", str(lab.folder))))
    service.order(ask(CREATE, P, S))
    with pytest.raises(SafetyRefusal, match=r"^secondary is already in .*pair.*P-VOL PAIR.* \(delete that pair"):
        service.order(ask(CREATE, S2, S))
    with pytest.raises(SafetyRefusal, match=r"^primary is already in "):
        service.order(ask(CREATE, S2, P))
    assert lab.log == ["create primary secondary"]
    assert service.status(P, S).primary_state is PairState.PAIR


@pytest.mark.parametrize("way", [plain, listed, asked_for])
def test_a_create_of_the_same_pair_is_left_to_the_vendor(lab: Lab, way: Ways) -> None:
    service = lab.service(raw=way(changed("names.folder", str(lab.folder))))
    assert [service.order(ask(CREATE)).accepted for _ in range(2)] == [True, True]


@pytest.mark.parametrize("way", [plain, listed, asked_for])
def test_an_s_vol_is_free_again_after_a_delete(lab: Lab, way: Ways) -> None:
    service = lab.service(raw=way(changed("names.folder", str(lab.folder))))
    service.order(ask(CREATE, P, S))
    service.order(ask(DELETE, P, S))
    assert service.order(ask(CREATE, S2, S)).accepted


def test_a_listing_that_fails_lets_no_create_through(lab: Lab) -> None:
    listing = {"steps": [["sh", "-c", "exit 4"]], "row": "(?P<primary>.)(?P<secondary>.)(?P<state>.)"}
    with pytest.raises(DeviceError, match=r"^listing the pairs: exit 4$"):
        lab.service(raw=changed("display", listing)).order(ask(CREATE))
    assert lab.log == []


def test_an_order_of_a_whole_group_proves_every_volume_of_the_target(lab: Lab) -> None:
    steps = {"steps": [["sh", "{tool}", "create", "{primary.name}", "{secondary.name}", "{?whole_group}"]]}
    raw = changed("options", {"whole_group": ["all"]}, changed("operations.create", steps))
    assert isinstance(S2.transport, Named)
    before = S2.transport.asked
    lab.service(raw=raw).order(ask(CREATE, whole_group=True))
    assert S2.transport.asked == before + 1
    assert lab.log == ["create primary secondary all"]
