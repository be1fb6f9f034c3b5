"""What is not the target's is found out before an order: in a listing, in a group, in an order without a node."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from copyproof.errors import DeviceError, SafetyRefusal, ToolMissing, UsageError
from copyproof.pairing.service import Existence, PairFault
from copyproof.scsi.pair import PairCommand, PairState
from copyproof.targets import templates
from tests.unit.pairing.vendor import NAAS, S2, TOOL, Lab, P, S, ask, changed

CREATE, SPLIT, RESYNC = PairCommand.CREATE, PairCommand.SPLIT, PairCommand.RESYNC
STRANGE = "60200000000000000000000000000099"
ROW = r"^(?P<primary>\S+) (?P<secondary>\S+) (?P<state>\S+)$"


def listing(*lines: str) -> dict[str, object]:
    """A template whose listing is these lines."""
    return changed("display", {"steps": [["printf", "%s\n", *lines]], "row": ROW})


@pytest.mark.parametrize(
    "line", [f"{STRANGE} {NAAS[1]} PAIR", f"{NAAS[1]} {STRANGE} PSUS", f"{STRANGE} {NAAS[1].upper()} COPY"]
)
def test_a_pair_with_a_stranger_keeps_an_s_vol_from_being_overwritten(lab: Lab, line: str) -> None:
    service = lab.service(raw=listing(line))
    with pytest.raises(SafetyRefusal, match=rf"^secondary is already in the pair of .*a stranger, {STRANGE}"):
        service.order(ask(CREATE))
    assert lab.log == []
    assert service.display((P, S, S2)) == []


def test_a_volume_is_known_however_the_vendor_writes_its_letters(lab: Lab) -> None:
    line = "LV-8 LV-7 PAIR"
    asked = {"steps": [["printf", line + "\n"]], "row": ROW, "called": "lv-{volume.number}"}
    service = lab.service(raw=changed("display", asked))
    assert [(row.primary, row.secondary) for row in service.display((P, S, S2))] == [("secondary-2", "secondary")]
    with pytest.raises(SafetyRefusal, match=r"^secondary is already in the pair of secondary-2 and secondary"):
        service.order(ask(CREATE))


def test_pairs_of_strangers_alone_are_nobodys_business_whatever_their_state_is_called(lab: Lab) -> None:
    service = lab.service(raw=listing(f"{STRANGE} {STRANGE[:-1]}8 GREEN"))
    assert service.order(ask(CREATE)).accepted


def test_two_volumes_that_the_vendor_calls_alike_are_told(lab: Lab) -> None:
    asked = {"steps": [["true"]], "row": ROW, "called": "lv"}
    with pytest.raises(UsageError, match=r"^lab: pairs\.volumes: primary and secondary are both lv$"):
        lab.service(raw=changed("display", asked)).order(ask(CREATE))


def test_a_question_for_the_s_vol_does_not_hide_what_the_listing_shows(lab: Lab) -> None:
    free = {"steps": [["echo", "{primary.naa} {volume.naa}"]], "patterns": [{"pattern": "6020", "state": "SMPL"}]}
    service = lab.service(raw=changed("paired", free, listing(f"{NAAS[2]} {NAAS[1]} PAIR")))
    with pytest.raises(SafetyRefusal, match="already in the pair of secondary-2"):
        service.order(ask(CREATE))


def whole(*lines: str) -> dict[str, object]:
    """A template with orders for a whole group, which is these pairs."""
    step = ["sh", "{tool}", "create", "{primary.name}", "{secondary.name}", "{?whole_group}"]
    raw = changed("options", {"whole_group": ["all"]}, changed("operations.create", {"steps": [step]}))
    row = r"^(?P<primary>\S+) (?P<secondary>\S+)$"
    return changed("identify_group", {"steps": [["printf", "%s\n", *lines]], "row": row}, raw)


def test_an_order_for_a_group_in_which_there_is_a_stranger_is_not_run(lab: Lab) -> None:
    good = f"{NAAS[0].upper()} {NAAS[1]}"
    for bad in (f"{NAAS[2]} {STRANGE}", f"{STRANGE} {NAAS[2]}"):
        with pytest.raises(SafetyRefusal) as told:
            lab.service(raw=whole(good, bad)).order(ask(CREATE, whole_group=True))
        why = f"the group of primary and secondary has a stranger, {STRANGE}; nothing was ordered"
        assert str(told.value) == f"lab: {why}"
    with pytest.raises(DeviceError, match=r"^identifying the group of primary and secondary: exit 0: rubbish"):
        lab.service(raw=whole("rubbish")).order(ask(CREATE, whole_group=True))
    assert lab.log == []
    assert lab.service(raw=whole(good)).order(ask(CREATE, whole_group=True)).accepted


def test_one_pair_is_ordered_whatever_its_group_is(lab: Lab) -> None:
    assert lab.service(raw=whole("rubbish")).order(ask(CREATE)).accepted


def test_a_fact_that_a_volume_lacks_is_never_an_empty_argument(lab: Lab) -> None:
    steps = {"steps": [["sh", "{tool}", "create", "P", "S", "of={secondary.node}"]]}
    service = lab.service(raw=changed("operations.create", steps))
    with pytest.raises(UsageError, match=r"^t\.toml: \{secondary\.node\}: the volume has no such thing"):
        service.order(ask(CREATE))
    assert lab.log == []
    assert service.order(ask(CREATE, P, replace(S, node="/dev/sdq"))).accepted
    assert lab.log == ["create P S of=/dev/sdq"]


def test_the_vendors_name_of_an_s_vol_is_proven_where_its_unit_is_not_there(lab: Lab) -> None:
    asked = {"steps": [["echo", f"id {NAAS[0]}"]], "pattern": r"id (?P<id>\S+)"}
    service = lab.service(raw=changed("identify", asked), secondary_exists=Existence.SPLIT)
    with pytest.raises(SafetyRefusal, match=r"^lab: secondary: the vendor's program says .*06 for it"):
        service.order(ask(CREATE, P, replace(S, transport=None)))
    assert lab.log == []


class Mapped:
    """Keeps what was mapped."""

    def __init__(self) -> None:
        self.there = True

    def appear(self, name: str) -> None:
        self.there = True

    def vanish(self, name: str) -> None:
        self.there = False


def test_an_s_vol_stays_mapped_where_the_program_is_missing(lab: Lab) -> None:
    mapped = Mapped()
    raw = changed("operations.resync", {"steps": [["no-such-program"]]})
    service = lab.service(raw=raw, presence=mapped, secondary_exists=Existence.SPLIT)
    for command in (CREATE, SPLIT):
        service.order(ask(command))
    assert mapped.there
    with pytest.raises(ToolMissing, match="no-such-program is not installed"):
        service.order(ask(RESYNC))
    assert mapped.there


def test_an_order_that_was_run_keeps_its_proof_where_the_state_cannot_be_asked_afterwards(lab: Lab) -> None:
    tool = TOOL.replace("create|resync) state=PAIR ;;", 'create) echo rubbish > "$file"; exit 0 ;;')
    service = lab.service(tool, presence=Mapped())
    with pytest.raises(PairFault, match=r"^paircreate: .*'rubbish' is no state.*; the pair: cannot be asked") as told:
        service.order(ask(CREATE))
    assert [said.ended for said in told.value.proof] == ["exit 0"]
    assert lab.log == ["create primary secondary"]


def displayed(right: str, left: str = "L   -     -   -    -    6     SMPL  -    -    -        -") -> str:
    """What pairdisplay shows of two volumes, in the columns of CCI."""
    heads = "Group PairVol L/R Port# TID LU-M Seq# LDEV# P/S   Status % P-LDEV# M"
    return "\n".join([heads, f"oradb dev1    {left}", f"oradb dev1    {right}", ""])


@pytest.mark.parametrize(
    ("right", "state"),
    [
        ("R   -     -   -0   -    7     S-VOL PSUS   100 9       -", PairState.PSUS),
        ("R   -     -   -0   -    7     S-VOL SSUS   100 9       -", PairState.PSUS),
        ("R   -     -   -0   -    7     P-VOL PAIR   100 9       -", PairState.PAIR),
        ("R   -     -   -0   -    7     S-VOL SMPL   100 9       -", PairState.SMPL_PD),
        ("R   -     -   -    -    7     SMPL  -      -   -       -", PairState.SMPL),
    ],
)
def test_cci_tells_whether_an_s_vol_is_in_any_pair(right: str, state: PairState) -> None:
    from copyproof.pairing.reading import status_in

    asked = templates.load("cci").paired
    assert asked is not None
    assert status_in(displayed(right), 0, asked).secondary_state is state


def test_no_shipped_template_has_names_that_nothing_proves() -> None:
    folder = Path(__file__).parents[3] / "targets" / "pairing"
    for path in folder.glob("*.toml"):
        template = templates.load(path.stem)
        assert template.identify or template.identify_pair, path
