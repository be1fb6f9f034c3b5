"""Group files: what they may say, and how a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof.cci.codes import CciError, Code
from copyproof.cci.horcm import GroupFile, Member, choose, members, read

P, S = "60200000000000000000000000000001", "60200000000000000000000000000002"

GOOD = f"""# this side has the P-VOLs
HORCM_MON
#ip_address  service  poll(10ms)  timeout(10ms)
localhost    horcm0   1000        3000

HORCM_CMD
unix:/run/array

HORCM_LDEV
#dev_group  dev_name  unit  MU#
oradb       dev1      naa.{P}  0
oradb       dev2      naa.{P.replace("1", "3")}   # without MU#

HORCM_INST
oradb       localhost   horcm1
"""
OTHER = GOOD.replace(P, S).replace("horcm1", "horcm0")


def written(folder: Path, here: str = GOOD, there: str | None = OTHER) -> Path:
    """Write the files of both sides, and return that of this one."""
    (folder / "horcm0.conf").write_text(here)
    if there is not None:
        (folder / "horcm1.conf").write_text(there)
    return folder / "horcm0.conf"


def refused(folder: Path, here: str, there: str | None = OTHER) -> tuple[Code, str]:
    """The error by which a file is refused, read and looked up."""
    with pytest.raises(CciError) as problem:
        members(read(written(folder, here, there)), "oradb")
    return problem.value.code, str(problem.value)


def test_a_pair_is_named_by_both_sides_files(tmp_path: Path) -> None:
    here = read(written(tmp_path))
    assert here.socket == Path("/run/array")
    assert members(here, "oradb", "dev1") == [Member("oradb", "dev1", P, S)]
    assert [member.name for member in members(here, "oradb")] == ["oradb/dev1", "oradb/dev2"]


def test_a_naa_may_be_written_in_capitals(tmp_path: Path) -> None:
    here = read(written(tmp_path, GOOD.replace(P, "6020000000000000000000000000ABCD")))
    assert here.volumes[0].naa == "6020000000000000000000000000abcd"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "HORCM_LDEV",
            "HORCM_LDEVG",
            "'HORCM_LDEVG' begins no section; there are HORCM_MON, HORCM_CMD,",
        ),
        ("HORCM_LDEV", "HORCM_LDEV x", "'HORCM_LDEV x' begins no section"),
        ("HORCM_MON", "", "is in no section; begin one"),
        ("unix:/run/array", "/dev/sdc", "HORCM_CMD names a socket as unix:/PATH"),
        ("unix:/run/array", "unix:run", "HORCM_CMD names a socket as unix:/PATH"),
        ("unix:/run/array", "unix:/a\nunix:/b", "there is one array in a file"),
        (f"naa.{P}  0", "30095 1:00 0", "a line of HORCM_LDEV is: dev_group dev_name naa.HEX"),
        (f"naa.{P}", P, "names no volume; here it is by naa.HEX"),
        (f"naa.{P}", "naa.1234", "names no volume; here it is by naa.HEX"),
        (f"naa.{P}  0", f"naa.{P} x", "'x' is no MU#"),
        ("dev2", "dev1", "oradb/dev1 is there twice"),
        ("dev2", "d\x1b[2J", r"'d?[2J' has characters that cannot be printed"),
        ("unix:/run/array", "unix:/run/\0", "has characters that cannot be printed"),
        ("dev2", "d" * 32, "has more than 31 characters"),
        ("localhost   horcm1", "10.0.0.7 horcm1", "dev_group localhost SERVICE"),
        ("localhost   horcm1", "localhost", "dev_group localhost SERVICE"),
        ("localhost   horcm1", "localhost 11001", "the service '11001' names no group file"),
        ("localhost   horcm1", "localhost ../x", "the service '../x' names no group file"),
        ("localhost   horcm1", "localhost horcm1\noradb localhost horcm2", "the group 'oradb' has a second other side"),
    ],
)
def test_what_a_file_may_not_say_is_told_with_its_line(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in GOOD
    code, said = refused(tmp_path, GOOD.replace(old, new, 1))
    assert (code, why in said) == (Code.EX_ATTHOR, True), said
    assert said.startswith(f"{tmp_path}/horcm0.conf, line ")


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "horcm7.conf").symlink_to("/dev/zero")
    with pytest.raises(CciError, match=r"horcm7.conf cannot be read: it is no file; name it"):
        read(tmp_path / "horcm7.conf")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"#" * (1 << 20) + b"\n"])
def test_a_file_that_cannot_be_read_is_251_with_the_way_out(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "horcm7.conf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CciError, match=r"horcm7.conf cannot be read: .*; name it or its folder by --conf") as problem:
        read(path)
    assert problem.value.code is Code.EX_ATTHOR


def test_another_side_that_is_not_there_is_told(tmp_path: Path) -> None:
    nowhere = GOOD.replace("oradb       localhost   horcm1", "")
    assert refused(tmp_path, nowhere) == (
        Code.EX_ENORMT,
        f"{tmp_path}/horcm0.conf does not say where the other side of oradb is: it needs HORCM_INST",
    )
    code, said = refused(tmp_path, GOOD, there=OTHER.replace("dev2", "dev3"))
    assert (code, said) == (Code.EX_ENORMT, f"the other side, {tmp_path}/horcm1.conf, has no oradb/dev2")


def test_a_missing_file_of_the_other_side_is_named(tmp_path: Path) -> None:
    code, said = refused(tmp_path, GOOD, there=None)
    assert (code, "horcm1.conf cannot be read" in said) == (Code.EX_ATTHOR, True)


def test_a_group_that_is_not_there_is_239_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CciError, match=r"has no group 'db2'; there are: oradb") as problem:
        members(read(written(tmp_path)), "db2")
    assert problem.value.code is Code.EX_ENOGRP
    with pytest.raises(CciError, match=r"there are: none"):
        members(GroupFile(tmp_path), "db2")


@pytest.mark.parametrize(
    ("given", "instance", "environment", "file"),
    [
        ("F/a.conf", "", {"HORCM_CONF": "/b.conf", "HORCMINST": "3"}, "F/a.conf"),
        ("F", "1", {}, "F/horcm1.conf"),
        ("F", "M2", {"HORCMINST": "3"}, "F/horcm2.conf"),
        ("", "", {"HORCM_CONF": "F", "HORCMINST": "3"}, "F/horcm3.conf"),
        ("", "", {"HORCM_CONF": "F/b.conf"}, "F/b.conf"),
        ("", "H4", {}, "/etc/horcm4.conf"),
        ("", "BC5", {}, "/etc/horcm5.conf"),
    ],
)
def test_the_group_file_is_given_or_that_of_an_instance(
    tmp_path: Path, given: str, instance: str, environment: dict[str, str], file: str
) -> None:
    here = {name: value.replace("F", str(tmp_path), 1) for name, value in environment.items()}
    chosen = choose(given.replace("F", str(tmp_path), 1), instance, here)
    assert chosen == Path(file.replace("F", str(tmp_path), 1))


@pytest.mark.parametrize(("given", "instance"), [("", "x"), ("", "C0"), ("/a.conf", "0")])
def test_an_instance_that_names_no_file_is_refused(given: str, instance: str) -> None:
    with pytest.raises(CciError) as problem:
        choose(given, instance, {})
    assert problem.value.code is Code.EX_INVARG
