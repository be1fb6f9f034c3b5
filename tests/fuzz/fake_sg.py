"""sg_raw and its kin on units of plain files, for scripts that are to be run without a device: `fake_sg.py TOOL ARG…`.

The variable `UNITS` names the folder of the files, `NAAS` one with what each says its NAA is. `SHIFT` is how many
blocks further on a copy reads than it is told; where it is above 0, a pair is copied only when it is asked for, too
late. Imports nothing that takes long: a script calls it many times.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

BLOCK = 512
SENSE = """SCSI Status: Check Condition

>>> Raw sense data (in hex), sb_len=18, embedded_len=18
        70 00 {key} 00 00 00 00 0a 00 00 00 00 {code} 00 00 00
        00 00
"""


def dd(words: list[str]) -> None:
    named = dict(word.split("=", 1) for word in words)
    count = int(named["count"]) * BLOCK
    with Path(named["if"]).open("rb") as source:
        source.seek(int(named.get("skip", 0)) * BLOCK)
        data = source.read(count)
    _put(Path(named["of"]), int(named.get("seek", 0)) * BLOCK, data)


def raw(words: list[str]) -> None:
    unit, *cdb = [word for word in words if not word.startswith("--")]
    out = sys.stdin.buffer.read()
    if cdb[0] == "83":
        _copied(out)
    elif cdb[:2] == ["c1", "10"]:
        _asked(Path(next(word.partition("=")[2] for word in words if word.startswith("--outfile="))))
    elif cdb[0] == "c1":
        _paired(out)
    elif cdb[0] in ("8a", "93"):
        lba, count = int("".join(cdb[2:10]), 16), int("".join(cdb[10:14]), 16)
        _put(Path(unit), lba * BLOCK, out * count if cdb[0] == "93" else out)
    print("SCSI Status: Good ", file=sys.stderr)


def _copied(order: bytes) -> None:
    units = {_naa(path): path for path in Path(os.environ["UNITS"]).iterdir()}
    segments_at = 16 + int.from_bytes(order[2:4], "big")
    cscds = [units.get(order[at + 8 : at + 24].hex()) for at in range(16, segments_at, 32)]
    if len(order) < segments_at:
        _refuse(key="05", code="26")
    if None in cscds:
        _refuse(key="0a", code="0d 02")
    for at in range(segments_at, len(order), 28):
        part = order[at : at + 28]
        source, to = (cscds[int.from_bytes(part[i : i + 2], "big")] for i in (4, 6))
        count, first, target = (int.from_bytes(part[a:b], "big") for a, b in ((10, 12), (12, 20), (20, 28)))
        assert source is not None
        assert to is not None
        begin = (first + int(os.environ["SHIFT"])) * BLOCK
        _put(to, target * BLOCK, source.read_bytes()[begin : begin + count * BLOCK])


def _paired(order: bytes) -> None:
    """Make a pair of two units, copied now or, where it is wrong, later."""
    units = {_naa(path): path for path in Path(os.environ["UNITS"]).iterdir()}
    named = [units[order[at + 4 : at + 4 + order[at + 3]].hex()] for at in (8, 32)]
    pair = Path(os.environ["NAAS"]).parent / "pair"
    pair.write_text("\n".join(map(str, named)))
    if os.environ["SHIFT"] == "0":
        _brought(pair)


def _asked(out: Path) -> None:
    """Tell that there is no pair whose copy is under way."""
    _brought(Path(os.environ["NAAS"]).parent / "pair")
    out.write_bytes(bytes.fromhex("0000000401600000"))


def _brought(pair: Path) -> None:
    if pair.exists():
        source, to = pair.read_text().splitlines()
        Path(to).write_bytes(Path(source).read_bytes())
        pair.unlink()


def inq(words: list[str]) -> None:
    print(f"SCSI_IDENT_LUN_NAA_REGEXT={_naa(Path(words[-1]))}\nSCSI_IDENT_LUN_T10=LIO-ORG")


def readcap(words: list[str]) -> None:
    print(f"{Path(words[-1]).stat().st_size // BLOCK:#x} {BLOCK:#x}")


def _naa(unit: Path) -> str:
    return (Path(os.environ["NAAS"]) / unit.name).read_text()


def _refuse(**sense: str) -> NoReturn:
    print(SENSE.format(**sense), end="", file=sys.stderr)
    sys.exit(5)


def _put(path: Path, at: int, data: bytes) -> None:
    path.touch()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


if __name__ == "__main__":
    {"sg_dd": dd, "sg_raw": raw, "sg_inq": inq, "sg_readcap": readcap}[sys.argv[1]](sys.argv[2:])
