"""Orders by a template: what is run, how it is answered, and what is said when that makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from copyproof.errors import DeviceError, MalformedAnswer, ToolMissing, UsageError
from copyproof.pairing.service import PairFault
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from tests.unit.pairing.vendor import S2, TOOL, Lab, P, S, ask, changed

CREATE, SPLIT, RESYNC, DELETE = PairCommand.CREATE, PairCommand.SPLIT, PairCommand.RESYNC, PairCommand.DELETE
PAIR, PSUS, SMPL = PairState.PAIR, PairState.PSUS, PairState.SMPL


def test_orders_are_run_and_the_state_is_read(lab: Lab) -> None:
    service = lab.service()
    assert service.status(P, S).primary_state is SMPL
    for command, state in ((CREATE, PAIR), (SPLIT, PSUS), (RESYNC, PAIR), (DELETE, SMPL)):
        answered = service.order(ask(command))
        assert (answered.accepted, answered.said) == (True, "exit 0")
        seen = service.status(P, S)
        assert (seen.primary_state, seen.secondary_state, seen.percent) == (state, state, 100)
    assert lab.log == [f"{word} primary secondary" for word in ("create", "split", "resync", "delete")]


def test_what_was_run_is_kept_for_the_record(lab: Lab) -> None:
    (said,) = lab.service().order(ask(CREATE)).proof
    assert said.what == f"sh {lab.folder}/tool create primary secondary"
    assert said.ended == "exit 0"
    assert said.seconds > 0


def test_a_refusal_is_an_answer_and_changes_nothing(lab: Lab) -> None:
    service = lab.service()
    answered = service.order(ask(SPLIT))
    assert (answered.accepted, answered.said) == (False, "exit 228: EX_INVSTP")
    assert answered.proof[0].excerpt == "state does not allow this"
    assert service.status(P, S).primary_state is SMPL


@pytest.mark.parametrize(
    ("code", "said", "name"), [(229, "no such group", "EX_INCSTG"), (235, "volumes differ in size", "EX_EVOLCE")]
)
def test_a_group_and_volumes_that_the_vendor_refuses_leave_no_pair(lab: Lab, code: int, said: str, name: str) -> None:
    tool = TOOL.replace("create|resync)", f"create) echo {said!r} >&2; exit {code} ;; resync)")
    service = lab.service(tool, raw=changed("refusals", [{"exit": 229, "name": name}, {"exit": 235, "name": name}]))
    answered = service.order(ask(CREATE))
    assert (answered.accepted, answered.said, answered.proof[0].excerpt) == (False, f"exit {code}: {name}", said)
    assert service.status(P, S).primary_state is SMPL


def test_a_refusal_may_be_told_by_its_words(lab: Lab) -> None:
    raw = changed("refusals", [{"exit": 228, "pattern": "^busy"}, {"exit": 228, "pattern": "allow this$"}])
    assert lab.service(raw=raw).order(ask(SPLIT)).said == "exit 228: state does not allow this"


def test_an_unknown_exit_status_is_a_fault_with_the_real_state(lab: Lab) -> None:
    service = lab.service(raw=changed("refusals", []))
    service.order(ask(CREATE))
    service.order(ask(SPLIT))
    with pytest.raises(PairFault) as told:
        service.order(ask(SPLIT))
    said = "pairsplit: exit 228: state does not allow this; the pair: P-VOL PSUS, S-VOL PSUS, 100 %"
    assert str(told.value) == said
    assert [step.ended for step in told.value.proof] == ["exit 228"]


def test_a_hang_is_a_fault_with_the_real_state(lab: Lab) -> None:
    tool = TOOL.replace("split) [", "split) sleep 60; [")
    service = lab.service(tool, raw=changed("operations.split.timeout", 0.2))
    service.order(ask(CREATE))
    with pytest.raises(PairFault) as told:
        service.order(ask(SPLIT))
    assert str(told.value) == "pairsplit: sh gave no answer within 0.2 s; the pair: P-VOL PAIR, S-VOL PAIR, 100 %"


def test_a_program_that_a_signal_ends_is_a_fault(lab: Lab) -> None:
    with pytest.raises(PairFault, match=r"^paircreate: it was ended by signal 15; the pair: P-VOL SMPL"):
        lab.service(TOOL.replace("create|resync)", "create) kill -TERM $$ ;; resync)")).order(ask(CREATE))


def test_a_program_that_prints_without_end_is_a_fault_and_fills_nothing(lab: Lab) -> None:
    tool = TOOL.replace("create|resync)", "create) head -c 3000000 /dev/zero ;; resync)")
    with pytest.raises(PairFault) as told:
        lab.service(tool).order(ask(CREATE))
    assert "it printed 65536 bytes or more, which is no answer" in str(told.value)
    assert len(str(told.value)) < 1000


def test_what_is_printed_reaches_no_terminal(lab: Lab) -> None:
    tool = TOOL.replace('echo "usage"; exit 1', "printf '\\033[2J\\007bad\\n'; exit 9")
    raw = changed("operations.suspend", {"steps": [["sh", "{tool}", "suspend", "{primary.name}", "{secondary.name}"]]})
    with pytest.raises(PairFault) as told:
        lab.service(tool, raw=raw).order(ask(PairCommand.SUSPEND))
    assert "exit 9: ?[2J?bad; the pair: P-VOL SMPL" in str(told.value)
    assert str(told.value).isprintable()
    assert all(step.excerpt.isprintable() for step in told.value.proof)


@pytest.mark.parametrize(
    ("shown", "complaint"),
    [
        ("echo rubbish", "no pattern of the template fits exit status 0 and: rubbish"),
        ("true", "no pattern of the template fits exit status 0 and: nothing"),
        ("echo 'pair a b PAIR 100%'; exit 3", "no pattern of the template fits exit status 3"),
        ("echo 'pair a b SPLIT 100%'", "'SPLIT' is no state; known: SSUS, SMPL"),
        ("echo 'pair a b COPY 101%'", "'101' is no percent"),
        ("echo 'pair a b COPY 1e999999999%'", "'1e999999999' is no percent"),
        ("echo 'pair a b COPY -1%'", "'-1' is no percent"),
        ("echo 'pair a b COPY ٣%'", "'٣' is no percent"),
        ("kill -KILL $$", "asking for the state: it was ended by signal 9"),
        ("sleep 60", "asking for the state: sh gave no answer within"),
    ],
)
def test_a_status_that_makes_no_sense_is_no_state(lab: Lab, shown: str, complaint: str) -> None:
    tool = TOOL.replace('show) echo "pair $2 $3 $state 100.0%"; exit 0 ;;', f"show) {shown}; exit 0 ;;")
    service = lab.service(tool, timeout=0.3)
    with pytest.raises(DeviceError) as told:
        service.status(P, S)
    assert complaint in str(told.value)


def test_a_fault_whose_pair_cannot_be_asked_says_both(lab: Lab) -> None:
    tool = TOOL.replace('show) echo "pair $2 $3 $state 100.0%"', "show) echo rubbish").replace("exit 228", "exit 3")
    with pytest.raises(PairFault, match=r"exit 3: .*; the pair: cannot be asked: no pattern of the template fits"):
        lab.service(tool).order(ask(SPLIT))


def test_no_create_is_run_while_the_pairs_cannot_be_asked(lab: Lab) -> None:
    tool = TOOL.replace('show) echo "pair $2 $3 $state 100.0%"', "show) echo rubbish")
    with pytest.raises(MalformedAnswer):
        lab.service(tool).order(ask(CREATE))
    assert lab.log == []


def test_a_program_that_ends_well_and_says_otherwise_is_a_fault(lab: Lab) -> None:
    service = lab.service(raw=changed("operations.create.expect", "^done$"))
    with pytest.raises(PairFault, match=r"^paircreate: exit 0, but what was expected is not in: nothing; the pair: "):
        service.order(ask(CREATE))


def test_a_missing_program_is_told_as_such(lab: Lab) -> None:
    raw = changed("operations.split", {"steps": [["no-such-program-of-a-vendor"]]})
    with pytest.raises(ToolMissing, match="no-such-program-of-a-vendor is not installed"):
        lab.service(raw=raw).order(ask(SPLIT))


def steps(*words: str) -> dict[str, list[list[str]]]:
    return {"steps": [["sh", "{tool}", word, "{primary.name}", "{secondary.name}"] for word in words]}


def test_steps_are_run_in_their_order(lab: Lab) -> None:
    service = lab.service(raw=changed("operations.create", steps("create", "split", "resync")))
    assert len(service.order(ask(CREATE)).proof) == 3
    assert [line.split()[0] for line in lab.log] == ["create", "split", "resync"]


def test_the_first_step_that_fails_is_the_last(lab: Lab) -> None:
    service = lab.service(raw=changed("operations.create", steps("create", "nonsense", "delete")))
    with pytest.raises(PairFault, match=r"^paircreate: step 2 of 3, exit 1: usage; the pair: P-VOL PAIR, S-VOL PAIR"):
        service.order(ask(CREATE))
    assert [line.split()[0] for line in lab.log] == ["create", "nonsense"]


def test_a_refusal_after_the_first_step_is_a_fault(lab: Lab) -> None:
    service = lab.service(raw=changed("operations.split", steps("create", "split", "split")))
    with pytest.raises(PairFault, match=r"^pairsplit: refused, after what comes before it was done: step 3 of 3, exit"):
        service.order(ask(SPLIT))


def test_an_option_adds_its_arguments_only_where_it_is_chosen(lab: Lab) -> None:
    raw = changed("options", {"pace": ["-c", "{pace}"], "quick": ["-fq", "quick"], "steady": ["-fq", "normal"]})
    raw = changed("operations.create", {"steps": [[*steps("create")["steps"][0], "{?pace}"]]}, raw)
    raw = changed("operations.split", {"steps": [[*steps("split")["steps"][0], "{?quick}", "{?steady}"]]}, raw)
    service = lab.service(raw=raw)
    service.order(ask(CREATE, pace=7))
    service.order(ask(SPLIT, kind=SplitKind.QUICK))
    service.order(ask(RESYNC))
    service.order(ask(SPLIT))
    assert lab.log[0] == "create primary secondary -c 7"
    assert [line for line in lab.log if line.startswith("split")] == [
        "split primary secondary -fq quick",
        "split primary secondary -fq normal",
    ]


@pytest.mark.parametrize("more", [{"pace": 3}, {"group": 1}, {"kind": SplitKind.QUICK}, {"whole_group": True}])
def test_an_option_that_a_template_cannot_express_is_never_dropped(lab: Lab, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^t\.toml: operations\.create: the order has \w+, for which no step has a"):
        lab.service().order(ask(CREATE, **more))
    assert lab.log == []


def test_an_operation_that_the_template_lacks_is_told(lab: Lab) -> None:
    with pytest.raises(UsageError, match=r"^t\.toml: operations\.restore: is missing, and lab declares it$"):
        lab.service().order(ask(PairCommand.RESTORE))


def test_an_operation_that_the_target_does_not_declare_is_not_run(lab: Lab) -> None:
    service = lab.service(operations=frozenset({SPLIT}), kinds=frozenset({SplitKind.QUICK}))
    with pytest.raises(UsageError, match=r"^lab: pairs\.operations: create is not among them$"):
        service.order(ask(CREATE))
    with pytest.raises(UsageError, match=r"^lab: pairs\.kinds: normal is not among them$"):
        service.order(ask(SPLIT))
    assert lab.log == []


def test_a_kind_of_split_is_nothing_to_an_order_that_splits_no_pair(lab: Lab) -> None:
    raw = changed("options", {"quick": ["now"]})
    raw = changed("operations.split", {"steps": [[*steps("split")["steps"][0], "{?quick}"]]}, raw)
    service = lab.service(raw=raw, kinds=frozenset({SplitKind.QUICK}))
    service.order(ask(CREATE))
    service.order(ask(SPLIT, kind=SplitKind.QUICK))
    service.order(ask(RESYNC))
    service.order(ask(DELETE))
    assert [line.split()[0] for line in lab.log] == ["create", "split", "resync", "delete"]


def test_an_operation_may_have_other_steps_in_a_state(lab: Lab) -> None:
    raw = changed("operations.delete.in_state", {"PSUS": steps("resync", "delete")["steps"]})
    service = lab.service(raw=raw)
    for command in (CREATE, DELETE, CREATE, SPLIT, DELETE):
        service.order(ask(command))
    words = [line.split()[0] for line in lab.log]
    assert words == ["create", "delete", "create", "split", "resync", "delete"]


def test_nothing_is_run_in_a_state_that_the_target_does_not_offer_the_order_in(lab: Lab) -> None:
    service = lab.service(only_in={RESYNC: frozenset({PSUS})})
    service.order(ask(CREATE))
    with pytest.raises(UsageError) as told:
        service.order(ask(RESYNC))
    why = "not in this state, so nothing was ordered; the pair: P-VOL PAIR, S-VOL PAIR, 100 %"
    assert str(told.value) == f"lab: pairs.only_in.resync: {why}"
    service.order(ask(SPLIT))
    assert service.order(ask(RESYNC)).accepted
    assert [line.split()[0] for line in lab.log] == ["create", "split", "resync"]


def test_a_display_lists_the_pairs_among_the_volumes(lab: Lab) -> None:
    service = lab.service()
    service.order(ask(CREATE))
    service.order(ask(CREATE, P, S2))
    shown = [(row.primary, row.secondary, row.status.primary_state) for row in service.display((P, S, S2))]
    assert shown == [("primary", "secondary", PAIR), ("primary", "secondary-2", PAIR)]
    assert [row.secondary for row in service.display((P, S2))] == ["secondary-2"]


def test_a_listing_tells_all_pairs_at_once(lab: Lab) -> None:
    listing = {
        "steps": [["printf", "6>7 PAIR\\n6>8 SSUS\\n6>99 PAIR\\nrubbish\\n"]],
        "row": r"^(?P<primary>\S+?)>(?P<secondary>\S+) (?P<state>\S+)$",
        "called": "{volume.number}",
        "words": {"SSUS": "PSUS"},
    }
    shown = lab.service(raw=changed("display", listing)).display((P, S, S2))
    assert [(row.primary, row.secondary, row.status.secondary_state) for row in shown] == [
        ("primary", "secondary", PAIR),
        ("primary", "secondary-2", PSUS),
    ]
