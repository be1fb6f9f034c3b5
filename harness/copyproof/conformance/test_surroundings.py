"""Isolation between initiators, and protection information."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Rig, Role, hil_needs, hil_requirement

pytestmark = hil_needs(Capability.LID1)

SOURCE_TAG = 0x1234


@hil_requirement("XC1-ISOLATION")
@hil_needs(Capability.HIDDEN)
def test_a_hidden_unit_is_not_read(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8, source=hil.hidden(), via=Role.DESTINATION)))


@hil_requirement("XC1-ISOLATION")
@hil_needs(Capability.HIDDEN_WITNESS)
def test_a_hidden_unit_is_not_written(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8, destination=hil.hidden(), via=Role.SOURCE)))


@hil_requirement("XC1-READONLY")
@hil_needs(Capability.READONLY)
def test_a_unit_mapped_read_only_is_not_written(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8, destination=hil.frozen(Role.READONLY), via=Role.SOURCE)))


@hil_requirement("XC1-PI-LABELS")
@hil_needs(Capability.LABELS)
@pytest.mark.parametrize("blocks", [8, 1000])
def test_labels_are_exchanged_for_the_new_place(hil: Rig, blocks: int) -> None:
    hil.judge(hil.send(hil.copy(blocks=blocks)))


WRONG_TAGS = pytest.mark.parametrize(
    ("tag", "value"),
    [
        pytest.param("guard", 0x5A5A, marks=hil_requirement("XC1-PI-GUARD")),
        pytest.param("reference", 0x5A5A5A5A, marks=hil_requirement("XC1-PI-REFERENCE")),
    ],
)


@WRONG_TAGS
@hil_needs(Capability.SIDECAR)
def test_a_wrong_tag_in_the_source_ends_the_copy(hil: Rig, tag: str, value: int) -> None:
    order = hil.copy(blocks=8)
    with hil.changed_labels(order, block=3, **{tag: value}):
        sent = hil.send(order)
    hil.judge(sent)


@hil_requirement("XC1-PI-APPLICATION")
@hil_needs(Capability.SIDECAR)
def test_the_application_tag_follows_the_declared_policy(hil: Rig) -> None:
    order = hil.copy(blocks=8)
    with hil.tagged(order, SOURCE_TAG) as tag:
        sent = hil.send(order)
    hil.judge(sent, hil.application_breach(order, tag))
