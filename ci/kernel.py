"""The kernel of the test machine: fetched from Debian or Ubuntu, unpacked, and put beside a small first file system."""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.core import ROOT, SetupError, cache_folder, digest, find_tool, output_of, replace_file, say
from ci.debian import dependencies, unpack, with_fresh_lists

_META = {"debian": "linux-image-amd64", "ubuntu": "linux-image-generic"}
_BOOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "virtio_console", "overlay")
_TOOLS = ("sh", "mount", "mkdir", "insmod", "switch_root", "cat", "cp")


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel."""

    version: str
    image: Path
    modules: Path
    """The folder lib/modules/VERSION."""


def ensure_kernel() -> Kernel:
    """Return the kernel in the cache, fetched first where there is none.

    Raises:
        SetupError: it cannot be fetched.
    """
    folder = cache_folder() / "kernel"
    current = folder / "current"
    if not current.is_file():
        replace_file(current, _fetch(folder).encode())
    version = current.read_text()
    return _kernel(folder / version, version)


def _kernel(folder: Path, version: str) -> Kernel:
    plain = folder / "vmlinux"
    packed = folder / "boot" / f"vmlinuz-{version}"
    return Kernel(version, plain if plain.is_file() else packed, modules_folder(folder, version))


def modules_folder(folder: Path, version: str) -> Path:
    """Return where a package put the modules: Debian moved them from /lib to /usr/lib."""
    modern = folder / "usr/lib/modules" / version
    return modern if modern.is_dir() else folder / "lib/modules" / version


def _fetch(folder: Path) -> str:
    say("fetching the kernel of the test machine")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as drafts:
        tree = Path(drafts, "tree")
        with_fresh_lists(lambda: unpack(image_packages(), tree, Path(drafts, "archives")))
        return _settle(tree, folder)


def _settle(tree: Path, folder: Path) -> str:
    """Finish the unpacked tree (module index, plain image) and move it to its place; return the version."""
    images = sorted(tree.glob("boot/vmlinuz-*"))
    if not images:
        raise SetupError("the kernel package holds no boot/vmlinuz-*")
    version = images[0].name.removeprefix("vmlinuz-")
    modules = modules_folder(tree, version)
    base = modules.parents[2]
    output_of([_tool("depmod"), "-b", str(base if modules.is_relative_to(tree / "lib") else _linked(tree)), version])
    say(f"unpacking the image of {version}")
    if plain := plain_image(images[0].read_bytes()):
        (tree / "vmlinux").write_bytes(plain)
    target = folder / version
    shutil.rmtree(target, ignore_errors=True)
    tree.rename(target)
    return version


def _linked(tree: Path) -> Path:
    """Give a tree with usr/lib/modules a /lib as well: depmod looks there unless built otherwise."""
    if not (tree / "lib").exists():
        (tree / "lib").symlink_to("usr/lib")
    return tree


def _tool(name: str) -> str:
    if path := find_tool(name):
        return path
    raise SetupError(f"{name} is missing; ci/packages names its package")


def distribution(text: str) -> str:
    """Return ``debian`` or ``ubuntu`` from the text of /etc/os-release.

    Raises:
        SetupError: it is neither.

    >>> distribution('ID=linuxmint\\nID_LIKE="ubuntu debian"')
    'ubuntu'
    """
    words = " ".join(re.findall(r'^ID(?:_LIKE)?="?([^"\n]*)', text, re.MULTILINE)).split()
    for name in words:
        if name in _META:
            return name
    raise SetupError("the kernel can be fetched on Debian and Ubuntu only")


def image_packages() -> list[str]:
    """Return the packages that hold the newest stock kernel and its modules."""
    meta = _META[distribution(Path("/etc/os-release").read_text())]
    direct = dependencies(output_of(["apt-cache", "depends", meta]))
    images = [name for name in direct if re.match(r"linux-image-\d", name)]
    if not images:
        raise SetupError(f"apt-cache knows no kernel behind {meta}")
    behind = dependencies(output_of(["apt-cache", "depends", images[0]]))
    extra = [name for name in [*direct, *behind] if name.startswith("linux-modules-")]
    return [images[0], *dict.fromkeys(extra)]


def plain_image(image: bytes) -> bytes | None:
    """Return the ELF kernel inside a compressed boot image, None where its packing is not known.

    Unpacking it beforehand saves an emulated machine several seconds; with CONFIG_PVH it boots as it is.
    """
    for magic, unpacker in ((b"\xfd7zXZ\x00", _unxz), (b"\x28\xb5\x2f\xfd", _unzstd)):
        start = image.find(magic)
        while start >= 0:
            plain = unpacker(image[start:])
            if plain and plain.startswith(b"\x7fELF"):
                return plain
            start = image.find(magic, start + 1)
    return None


def _unxz(data: bytes) -> bytes | None:
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    try:
        plain = unpacker.decompress(data)
    except lzma.LZMAError:
        return None
    return plain if unpacker.eof else None


def _unzstd(data: bytes) -> bytes | None:
    tool = find_tool("zstd")
    if tool is None:
        return None
    # What follows the frame makes zstd complain after it wrote the frame whole.
    return subprocess.run([tool, "-dcq"], input=data, capture_output=True, check=False).stdout or None


def module_bytes(path: Path) -> bytes:
    """Return a kernel module as insmod takes it, whatever its packing.

    Raises:
        SetupError: the packing is not known or the file is damaged.
    """
    data = path.read_bytes()
    plain = {".xz": _unxz, ".zst": _unzstd}.get(path.suffix, lambda raw: raw)(data)
    if not plain or not plain.startswith(b"\x7fELF"):
        raise SetupError(f"cannot unpack the module {path}")
    return plain


def load_order(dep: str, builtin: str, names: Iterable[str]) -> list[str]:
    """Return the module files to insert, dependencies first, from the text of modules.dep and modules.builtin.

    Raises:
        SetupError: the kernel has no such module.

    >>> load_order("a/x.ko.xz: a/y.ko.xz\\na/y.ko.xz:\\n", "k/z.ko", ["x", "z"])
    ['a/y.ko.xz', 'a/x.ko.xz']
    """
    needs = {_name(file): (file, rest.split()) for line in dep.splitlines() for file, _, rest in [line.partition(":")]}
    inside = {_name(line) for line in builtin.splitlines()}
    order: dict[str, None] = {}
    for name in names:
        if name in needs:
            file, before = needs[name]
            order.update(dict.fromkeys([*reversed(before), file]))
        elif name not in inside:
            raise SetupError(f"this kernel has no module {name}, which the test machine needs")
    return list(order)


def _name(file: str) -> str:
    return Path(file).name.partition(".")[0].replace("-", "_")


def archive(entries: Iterable[tuple[str, int, bytes]]) -> bytes:
    """Return a cpio archive (newc) of (name, mode, content); a device node's content is ``major,minor``.

    >>> archive([("a", 0o100644, b"x")])[:6]
    b'070701'
    """
    packed = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        device = [int(part) for part in content.split(b",")] if stat.S_ISCHR(mode) else [0, 0]
        body = b"" if stat.S_ISCHR(mode) else content
        fields = (number, mode, 0, 0, 1, 0, len(body), 0, 0, *device, len(name) + 1, 0)
        packed += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        packed += b"\0" * (-len(packed) % 4) + body
        packed += b"\0" * (-len(packed) % 4)
    return bytes(packed)


def ensure_first_files(kernel: Kernel) -> Path:
    """Return the first file system (an initramfs) for a kernel, made where it is missing or its parts changed."""
    script = (ROOT / "ci/guest/init").read_bytes()
    busybox = Path(_tool("busybox"))
    key = digest(kernel.version, script.decode(), busybox.stat().st_mtime_ns, _BOOT_MODULES, _TOOLS)
    path = cache_folder() / f"first-files-{key}"
    if not path.is_file():
        say("making the first files of the test machine")
        replace_file(path, archive(_first_files(kernel, script, busybox.read_bytes())))
    return path


def _first_files(kernel: Kernel, script: bytes, busybox: bytes) -> list[tuple[str, int, bytes]]:
    order = _boot_order(kernel)
    folders = [(name, 0o40755, b"") for name in ("bin", "dev", "proc", "run", "new", "host", "tools", "modules")]
    nodes = [("dev/console", 0o20600, b"5,1"), ("dev/null", 0o20666, b"1,3")]
    tools = [(f"bin/{name}", 0o120777, b"busybox") for name in _TOOLS]
    modules = [(f"modules/{_name(file)}", 0o100644, module_bytes(kernel.modules / file)) for file in order]
    names = " ".join(_name(file) for file in order).encode()
    return [
        *folders,
        *nodes,
        ("bin/busybox", 0o100755, busybox),
        *tools,
        *modules,
        ("modules/order", 0o100644, names),
        ("init", 0o100755, script),
    ]


def _boot_order(kernel: Kernel) -> Sequence[str]:
    dep = (kernel.modules / "modules.dep").read_text()
    return load_order(dep, (kernel.modules / "modules.builtin").read_text(), _BOOT_MODULES)
