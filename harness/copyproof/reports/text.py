"""Words and figures as reports print them; whatever a device said is made harmless here first.

>>> visible("LIO\\x1b[2J\\u202e")
'LIO\\\\x1b[2J\\\\u202e'
"""

from __future__ import annotations

from datetime import UTC, datetime


def escape(character: str) -> str:
    r"""Return the escape of one character, as Python writes it.

    >>> escape("\x1b"), escape("\u202e")
    ('\\x1b', '\\u202e')
    """
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    r"""Return `text` with every character escaped that prints nothing or steers a display.

    Those are controls, bidi marks, lone surrogates and the like. Tabs and line ends are escaped too: the answer is
    always one line, legal in XML 1.0 and encodable as UTF-8.

    >>> visible("two\nlines")
    'two\\x0alines'
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else escape(character) for character in text)


def clip(text: str, limit: int) -> str:
    """Return at most `limit` (3 or more) characters of `text`; three dots show that some are missing.

    >>> clip("destination LBA 64: not copied", 22)
    'destination LBA 64:...'
    """
    return text if len(text) <= limit else text[: limit - 3].rstrip() + "..."


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "case"), plural(65535, "block"), plural(2, "was", "were")
    ('1 case', '65,535 blocks', '2 were')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def lapse(seconds: float) -> str:
    """Return a duration as a person reads it.

    >>> lapse(0.00031), lapse(0.0314), lapse(2.413), lapse(161), lapse(7265)
    ('0.31 ms', '31 ms', '2.4 s', '2 min 41 s', '2 h 1 min')
    """
    if seconds < 1:
        return f"{seconds * 1000:.2f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(stamp: str) -> str:
    """Return an ISO 8601 time as a person reads it, in UTC; anything else as it is.

    >>> moment("2026-11-22T10:14:03Z"), moment("2026-11-22T11:14:03+01:00"), moment("then")
    ('2026-11-22 10:14:03 UTC', '2026-11-22 10:14:03 UTC', 'then')
    """
    try:
        time = datetime.fromisoformat(stamp)
        return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time.tzinfo else stamp
    except (ValueError, OverflowError):
        return stamp


def size(count: int) -> str:
    """Return a number of bytes in the largest binary unit that keeps three digits exact enough to compare.

    >>> size(512), size(8 << 20), size(100_000_000)
    ('512 B', '8 MiB', '95.4 MiB')
    """
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            return f"{value:.4g} {unit}" if value == int(value) else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.4g} PiB"
