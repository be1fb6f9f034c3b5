"""ROD tokens: what they represent, how long they are good for, and why one is refused (SPC-4 5.17.6).

A token is a point in time: POPULATE TOKEN reads its blocks at once, and the array keeps that data until the token is
deleted, revoked, not used for its inactivity timeout, or cancelled because a newer token needs the room. What is
written to the source later, by whomever, cannot change it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from copyproof.array.server.identity import designator, named
from copyproof.array.server.part import Part
from copyproof.array.server.sense_data import CheckCondition
from copyproof.blocks.arrays import U8
from copyproof.scsi.copylist import CSCD, IDENTIFICATION_CSCD, Cscd
from copyproof.scsi.layout import number
from copyproof.scsi.sense import SenseKey
from copyproof.scsi.token import TOKEN, TOKEN_LENGTH_FIELD, TOKEN_SIZE, Range, RodType

if TYPE_CHECKING:
    from copyproof.array.server.server import DeviceServer

TOKENS_MOST = 1000
"""How many tokens may be valid at a time."""

RECORDS = 1000
"""Of how many tokens that ended the array remembers why (SPC-4 5.17.6.7)."""

MANAGEMENT_SIZE = 96
"""A ROD management token: header and body of a token (SPC-4 5.17.6.4)."""

_SECRET_AT = 256
"""Where the bytes begin that nobody can guess (EXTENDED ROD TOKEN DATA)."""


class Trouble(IntEnum):
    """Why a token is refused: the qualifier of INVALID TOKEN OPERATION, 05/23/xx."""

    UNSUPPORTED_TYPE = 0x01
    REMOTE = 0x02
    UNKNOWN = 0x04
    CORRUPT = 0x05
    REVOKED = 0x06
    EXPIRED = 0x07
    CANCELLED = 0x08
    DELETED = 0x09
    BAD_LENGTH = 0x0A


TAKEN_TYPES = (RodType.POINT_IN_TIME_DEFAULT, RodType.POINT_IN_TIME_PERSISTENT)
"""The types of the tokens that are made, and taken again; the zero token is taken besides."""


@dataclass(slots=True)
class Token:
    """A token and what it represents: `data` of shape (blocks, block size), read from `ranges` of `volume`.

    It is good for `idle` ticks after its last use, at most to the tick `due`. When it ended, `trouble` says why.
    """

    raw: bytes
    volume: int
    ranges: tuple[Range, ...]
    data: U8
    idle: int
    due: int
    trouble: Trouble | None = None

    @property
    def bytes(self) -> int:
        """How many bytes it represents."""
        return self.data.size

    def end(self, trouble: Trouble) -> None:
        """Make it invalid, and let go of its data."""
        self.trouble = trouble
        self.data = self.data[:0]


def invalid_token(trouble: Trouble) -> CheckCondition:
    """05/23/xx INVALID TOKEN OPERATION."""
    return CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x23, trouble)


class Tokens(Part):
    """The tokens that this array made, by the number in them."""

    def __init__(self, server: DeviceServer) -> None:
        super().__init__(server)
        self._known: dict[int, Token] = {}
        self._made = 0
        self._tick = 0

    def make(self, volume: int, ranges: tuple[Range, ...], data: U8, rod_type: int, timeout: int) -> bytes:
        """Make a token for data of a volume, good for `timeout` seconds after each use; the oldest may have to go."""
        self._made += 1
        self._make_room(data.size)
        idle = timeout * self.server.settings.copy.ticks_per_second
        token = Token(self._raw(volume, data.size, rod_type), volume, ranges, data, idle, self._tick + idle)
        self._known[self._made] = token
        return token.raw

    def find(self, raw: bytes) -> Token:
        """Return the token that these 512 bytes are; raises CheckCondition, 05/23/xx, in the order of SPC-4
        5.17.6.5.2.3."""
        values = TOKEN.decode(raw)
        if values["length"] != TOKEN_LENGTH_FIELD:
            raise invalid_token(Trouble.BAD_LENGTH)
        if values["rod_type"] not in TAKEN_TYPES:
            raise invalid_token(Trouble.UNSUPPORTED_TYPE)
        token = self._known.get(values["identifier"])
        if token is None:
            raise invalid_token(Trouble.REMOTE if self._is_foreign(raw) else Trouble.UNKNOWN)
        if token.raw != raw:
            raise invalid_token(Trouble.CORRUPT)
        if token.trouble is not None:
            raise invalid_token(token.trouble)
        return token

    def used(self, token: Token) -> None:
        """Begin the inactivity timeout anew."""
        token.due = self._tick + token.idle

    def revoke(self, raw: bytes) -> None:
        """Make a token invalid for reasons of management; raises CheckCondition for one that is not valid."""
        self.find(raw).end(Trouble.REVOKED)

    def management(self) -> bytes:
        """Return the ROD management tokens of all valid tokens, the oldest first."""
        return b"".join(token.raw[:MANAGEMENT_SIZE] for token in self.valid())

    def run(self, ticks: int) -> None:
        """Let time pass, and tokens expire."""
        self._tick += ticks
        for token in self.valid():
            if token.due <= self._tick:
                token.end(Trouble.EXPIRED)

    def valid(self) -> tuple[Token, ...]:
        """Return the tokens that are good, the oldest first."""
        return tuple(token for token in self._known.values() if token.trouble is None)

    def _make_room(self, size: int) -> None:
        valid = self.valid()
        excess = sum(token.bytes for token in valid) + size - self.server.settings.copy.tokens_bytes
        surplus = len(valid) + 1 - TOKENS_MOST
        for place, token in enumerate(valid):
            if excess <= 0 and place >= surplus:
                break
            excess -= token.bytes
            token.end(Trouble.CANCELLED)
        ended = [identifier for identifier, token in self._known.items() if token.trouble is not None]
        for identifier in ended[:-RECORDS]:
            del self._known[identifier]

    def _raw(self, volume: int, size: int, rod_type: int) -> bytes:
        """The 512 bytes: they depend on seed and number alone, so that a run can be repeated."""
        settings = self.server.settings
        creator = Cscd(designator(settings, volume), block_length=settings.block_size).encode()
        head = TOKEN.encode(
            {
                "rod_type": rod_type,
                "length": TOKEN_LENGTH_FIELD,
                "identifier": self._made,
                "creator": int.from_bytes(creator, "big"),
                "bytes": size,
            }
        )
        secret = hashlib.shake_256(f"{settings.seed} {self._made}".encode()).digest(TOKEN_SIZE - _SECRET_AT)
        return head[:_SECRET_AT] + secret

    def _is_foreign(self, raw: bytes) -> bool:
        """Whether the creator is a unit that is none of this array's, well described."""
        at = TOKEN["creator"].offset
        length = CSCD["designator_length"].get(raw, at)
        named_bytes = raw[at + CSCD["designator"].offset :][:length]
        described = number(raw, at, 1) == IDENTIFICATION_CSCD and length in (8, 16)
        return described and named(self.server.settings, named_bytes) is None


def zeros(blocks: int, block_size: int) -> U8:
    """Return the data of the zero token, as far as it is asked for.

    >>> zeros(2, 512).shape
    (2, 512)
    """
    return np.zeros((blocks, block_size), np.uint8)
