"""`copyproof devices`: the SCSI disks of this machine, and the lines to start a target file from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from copyproof.device import Device
from copyproof.errors import UsageError, printable
from copyproof.targets import discovery
from copyproof.targets.rules import BYSTANDER_LIMIT
from copyproof.targets.scalars import human

HEADERS = ("node", "sg", "NAA", "serial", "vendor and product", "size", "block", "PI", "safety")


@click.command()
@click.option(
    "--toml",
    is_flag=True,
    help="Print a target file for the devices with these NODES instead, to be completed by hand.",
)
@click.argument("nodes", nargs=-1)
def devices(toml: bool, nodes: tuple[str, ...]) -> None:
    """List the SCSI disks of this machine (or those with the given NODES), and why safety would refuse each.

    A node is /dev/sdX, /dev/sgN, or a link to one, such as those in /dev/disk/by-id.
    """
    if toml and not nodes:
        raise UsageError("--toml needs the nodes of the devices to put in: copyproof devices --toml /dev/sdX /dev/sdY")
    chosen = [discovery.with_holders(device) for device in _chosen(discovery.devices(), nodes)]
    if toml:
        click.echo(starter(chosen), nl=False)
    else:
        click.echo(table(chosen) if chosen else "No SCSI disk is to be seen here.")


def _chosen(found: Sequence[Device], nodes: Sequence[str]) -> Sequence[Device]:
    """Return the devices with some nodes, in the order given and each once; all of them when none are given."""
    return list(dict.fromkeys(_with_node(found, node) for node in nodes)) if nodes else found


def _with_node(found: Sequence[Device], node: str) -> Device:
    path = Path(node).resolve()
    for device in found:
        if path in (*device.block, *device.sg):
            return device
    leads = "" if str(path) == node else f", which leads to {path},"
    there = ", ".join(str(block) for device in found for block in device.block) or "none"
    raise UsageError(f"{node}{leads} is no SCSI disk of this machine; there are: {there}")


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
    """Return a target file for some devices: the first two free ones as source and destination, a third as bystander
    when it is small enough.

    Devices that safety would refuse, or that are left over, are comments.
    """
    roles, lines = ["source", "destination", "bystander"], []
    for device in found:
        why = _unfit(device, roles)
        lines.append(_line(device, "" if why else roles.pop(0), why))
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


def _unfit(device: Device, roles: Sequence[str]) -> str:
    """Why a device gets none of the roles that are left; empty when it gets the first."""
    if device.holders:
        return "; ".join(map(_plain, device.holders))
    if not _key(device):
        return "it has neither NAA nor serial number"
    if not roles:
        return "free"
    too_large = roles[0] == "bystander" and device.size > BYSTANDER_LIMIT
    return f"free, but a bystander has at most {human(BYSTANDER_LIMIT)}" if too_large else ""


def _line(device: Device, role: str, why: str) -> str:
    nodes = " ".join(map(str, device.block)) or "no block node"
    about = f"# {nodes}: {_plain(device.vendor)} {_plain(device.product)}, {human(device.size)}"
    if role:
        return f"{about}\n{role} = {{ {_key(device)} }}"
    return f"{about}: {why}\n# {_key(device)}".rstrip("# \n")


def _plain(text: str) -> str:
    return printable(text).strip()
