"""sg3_utils reads the same bytes as we do: an independent decoder of the same standard."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from copyproof.data import folder
from copyproof.process import run
from copyproof.scsi import asc, inquiry, vpd
from copyproof.scsi.sense import Sense, SenseKey, decode_sense

pytestmark = pytest.mark.skipif(
    not shutil.which("sg_decode_sense", path="/usr/bin:/usr/sbin"),
    reason="sg3_utils is not installed (see ci/packages)",
)


def golden(kind: str, name: str) -> list[bytes]:
    cases: list[dict[str, Any]] = tomllib.loads((folder("fixtures") / "golden" / kind).read_text())["case"]
    lines = [case["bytes"].splitlines() for case in cases if case.get("read") == name]
    return [bytes.fromhex("".join(line.partition(";")[0] for line in part)) for part in lines]


def told(tool: str, raw: bytes, where: Path, *options: str) -> str:
    file = where / "bytes.hex"
    file.write_text(raw.hex(" ") + "\n")
    flag = "-f" if tool == "sg_decode_sense" else "-I"
    return run([tool, *options, flag, str(file)], timeout=10).text


def same_words(ours: str, theirs: str) -> bool:
    def words(text: str) -> list[str]:
        return re.findall(r"[a-z0-9_]+", text.lower())

    return words(ours) == words(theirs)


@pytest.mark.parametrize("raw", golden("sense.toml", "sense.decode_sense"), ids=lambda raw: raw.hex()[:40])
def test_sense_key_and_code_are_those_that_sg_decode_sense_reads(raw: bytes, tmp_path: Path) -> None:
    sense = decode_sense(raw)
    assert sense is not None
    text = told("sg_decode_sense", raw, tmp_path)
    assert SenseKey(sense.key).name.replace("_", " ").lower() in text.lower()
    found = re.search(r"Additional sense: (.*)", text)
    assert found
    assert same_words(asc.additional_name(sense.asc, sense.ascq), found[1])
    if sense.information is not None:
        assert re.search(rf"Info(rmation: | fld=)0x0*{sense.information:x}\b", text), text
    if sense.pointer:
        assert re.search(rf"byte {sense.pointer.offset}\b", text), text


def test_the_words_for_sense_codes_are_the_standards(tmp_path: Path) -> None:
    wrong = {}
    for (code, qualifier), name in asc.NAMES.items():
        raw = bytes.fromhex("7206") + bytes([code, qualifier, 0, 0, 0, 0])
        found = re.search(r"Additional sense: (.*)", told("sg_decode_sense", raw, tmp_path))
        if not (found and same_words(name, found[1])):
            wrong[f"{code:02X}/{qualifier:02X}"] = (name, found and found[1])
    assert wrong == {}


def test_designators_are_those_that_sg_vpd_reads(tmp_path: Path) -> None:
    (raw,) = golden("units.toml", "vpd.designators")
    text = told("sg_vpd", raw, tmp_path)
    assert f"0x{vpd.unit_naa(raw)}" in text
    assert text.count("designator type") == len(vpd.designators(raw))
    assert "<<" not in text, "sg_vpd calls the page malformed"


def test_third_party_copy_page_is_what_sg_vpd_reads(tmp_path: Path) -> None:
    (raw,) = golden("units.toml", "vpd.third_party_copy")
    text = told("sg_vpd", raw, tmp_path, "--page=tpc")
    support = vpd.third_party_copy(raw)
    for title, value in (
        ("Maximum CSCD descriptor count", support.max_cscds),
        ("Maximum segment descriptor count", support.max_segments),
        ("Maximum descriptor list length", support.max_list_length),
        ("Total concurrent copies", support.total_copies),
        ("Maximum identified concurrent copies", support.max_copies),
        ("Maximum segment length", support.max_segment_length),
        ("Data segment granularity", support.granularity),
    ):
        assert f"{title}: {value}\n" in text


def test_block_limits_are_what_sg_vpd_reads(tmp_path: Path) -> None:
    (raw,) = golden("units.toml", "vpd.block_limits")
    text = told("sg_vpd", raw, tmp_path, "--page=bl")
    limits = vpd.block_limits(raw)
    assert f"Maximum transfer length: {limits.max_transfer} blocks" in text
    assert f"Maximum unmap LBA count: {limits.max_unmap}" in text
    assert re.search(rf"Optimal unmap granularity: {limits.unmap_granularity}\b", text), text
    assert re.search(rf"Maximum write same length: (0x)?{limits.max_write_same:x}", text), text


def test_inquiry_data_is_what_sg_inq_reads(tmp_path: Path) -> None:
    (raw,) = golden("units.toml", "inquiry.parse_inquiry")
    text = told("sg_inq", raw, tmp_path)
    unit = inquiry.parse_inquiry(raw)
    assert f"Vendor identification: {unit.vendor}" in text
    assert f"3PC={int(unit.third_party_copy)}  Protect={int(unit.protect)}" in text
    assert f"version=0x{unit.version:02x}" in text


def test_the_comparison_can_fail() -> None:
    assert not same_words(Sense(SenseKey.COPY_ABORTED, 0x0D, 0x01).text, "Third party device failures")
