"""`copyproof devices`: what udev sees, and the lines to start a target file from."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from copyproof.device import Device
from copyproof.targets import discovery
from copyproof.targets.scalars import human

HEADERS = ("node", "sg", "NAA", "serial", "vendor and product", "size", "block", "PI", "safety")


@click.command()
@click.option("--toml", is_flag=True, help="Print a target file for these devices instead, to be completed by hand.")
@click.argument("nodes", nargs=-1)
def devices(toml: bool, nodes: tuple[str, ...]) -> None:
    """List the SCSI disks of this machine (or those with the given NODES), and why safety would refuse each."""
    found = [discovery.with_holders(device) for device in discovery.devices() if _chosen(device, nodes)]
    if not found:
        click.echo("No SCSI disk is to be seen here.")
    elif toml:
        click.echo(starter(found), nl=False)
    else:
        click.echo(table(found))


def _chosen(device: Device, nodes: Sequence[str]) -> bool:
    return not nodes or any(str(node) in nodes for node in (*device.block, *device.sg))


def table(found: Sequence[Device]) -> str:
    """Return the devices as a table, one row each; what a device says is printed without control characters."""
    from tabulate import tabulate

    return tabulate([_row(device) for device in found], headers=HEADERS, tablefmt="simple", disable_numparse=True)


def _row(device: Device) -> tuple[str, ...]:
    return (
        " ".join(map(str, device.block)) or "none",
        " ".join(map(str, device.sg)) or "none",
        device.naa or "none",
        _plain(device.serial),
        _plain(f"{device.vendor} {device.product}"),
        human(device.size),
        str(device.block_size),
        f"type {device.protection}" if device.protection else "none",
        "; ".join(map(_plain, device.holders)) or "free",
    )


def starter(found: Sequence[Device]) -> str:
    """Return a target file for some devices: the first two free ones as source and destination, a third as bystander.

    Devices that safety would refuse are comments.
    """
    roles = iter(("source", "destination", "bystander"))
    lines = [_line(device, next(roles, "") if not device.holders and _key(device) else "") for device in found]
    return "\n".join(
        [
            "# EVERYTHING on the devices named under [luns] WILL BE OVERWRITTEN. Check each against its label.",
            'name = "my-array"',
            'driver = "lab"',
            "",
            "# How the array copies onto itself: memmove, or ascending with the chunk that it reads and then writes.",
            "[overlap]",
            'rule = "memmove"',
            "",
            "[luns]",
            *lines,
            "",
        ]
    )


def _key(device: Device) -> str:
    if device.naa:
        return f'naa = "{device.naa}"'
    return f"serial = {json.dumps(device.serial)}" if device.serial else ""


def _line(device: Device, role: str) -> str:
    nodes = " ".join(map(str, device.block)) or "no block node"
    about = f"# {nodes}: {_plain(device.vendor)} {_plain(device.product)}, {human(device.size)}"
    if role:
        return f"{about}\n{role} = {{ {_key(device)} }}"
    why = "; ".join(map(_plain, device.holders)) or ("free" if _key(device) else "it has neither NAA nor serial number")
    return f"{about}: {why}\n# {_key(device)}".rstrip("# \n")


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text).strip()
