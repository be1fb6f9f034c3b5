from __future__ import annotations

import lzma
import stat
import subprocess
from pathlib import Path

import pytest

from ci.core import SetupError
from ci.kernel import archive, distribution, load_order, module_bytes, modules_folder, plain_image

ELF = b"\x7fELF" + bytes(range(256)) * 8


def test_the_plain_kernel_is_found_inside_a_compressed_image() -> None:
    image = b"MZ setup code" * 50 + lzma.compress(ELF) + b"\0" * 900
    assert plain_image(image) == ELF


def test_a_magic_number_in_the_setup_code_does_not_mislead() -> None:
    image = b"\xfd7zXZ\x00 not a stream" + lzma.compress(b"no kernel") + lzma.compress(ELF)
    assert plain_image(image) == ELF


def test_an_unknown_packing_is_left_as_it_is() -> None:
    assert plain_image(b"MZ" + b"\x1f\x8b" + b"x" * 500) is None


def test_a_truncated_image_is_left_as_it_is() -> None:
    assert plain_image(b"MZ" + lzma.compress(ELF)[:40]) is None


def test_a_packed_module_is_unpacked_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ko.xz").write_bytes(lzma.compress(ELF))
    (tmp_path / "b.ko").write_bytes(ELF)
    (tmp_path / "c.ko.xz").write_bytes(b"garbage")
    assert module_bytes(tmp_path / "a.ko.xz") == module_bytes(tmp_path / "b.ko") == ELF
    with pytest.raises(SetupError, match=r"c\.ko\.xz"):
        module_bytes(tmp_path / "c.ko.xz")


def test_modules_are_ordered_dependencies_first_and_once() -> None:
    dep = "p/9p.ko: p/fscache.ko p/netfs.ko\np/fscache.ko: p/netfs.ko\np/netfs.ko:\nq/virtio-pci.ko: p/netfs.ko\n"
    assert load_order(dep, "", ["9p", "virtio_pci"]) == ["p/netfs.ko", "p/fscache.ko", "p/9p.ko", "q/virtio-pci.ko"]


def test_a_module_the_kernel_lacks_is_named() -> None:
    with pytest.raises(SetupError, match="overlay"):
        load_order("a/x.ko:\n", "kernel/y.ko\n", ["y", "x", "overlay"])


def test_the_archive_holds_what_it_was_given(tmp_path: Path) -> None:
    data = archive([("d", 0o40755, b""), ("d/f", 0o100640, b"12345"), ("l", stat.S_IFLNK | 0o777, b"d/f")])
    subprocess.run(["busybox", "cpio", "-i"], input=data, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "d/f").read_bytes() == b"12345"
    assert (tmp_path / "d/f").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "l").readlink() == Path("d/f")


def test_two_archives_behind_each_other_stay_aligned() -> None:
    assert len(archive([("abc", 0o100644, b"x")])) % 4 == 0


@pytest.mark.parametrize("folder", ["lib/modules", "usr/lib/modules"])
def test_modules_are_found_in_the_old_and_the_new_place(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder / "6.1").mkdir(parents=True)
    assert modules_folder(tmp_path, "6.1") == tmp_path / folder / "6.1"


def test_another_distribution_is_refused_in_words() -> None:
    assert distribution('PRETTY_NAME="Debian"\nID=debian\n') == "debian"
    with pytest.raises(SetupError, match="Debian and Ubuntu only"):
        distribution("ID=fedora\n")
