"""A bar on a terminal while a verification runs; nothing at all elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from copyproof.verify.pipeline import Advance, unseen


@contextmanager
def progress(title: str, blocks: int, block_size: int) -> Iterator[Advance]:
    """Show a bar on standard error for `blocks` blocks of `block_size` bytes, where that is a terminal."""
    if not sys.stderr.isatty():
        yield unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn()
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=blocks * block_size)
        yield lambda more: shown.advance(task, more * block_size)
