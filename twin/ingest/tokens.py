"""Machines that may back-fill over REST: a token each, of which only the hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from twin.ingest.fields import Fields


@dataclass(frozen=True, slots=True)
class Token:
    """One machine's right to send.

    Attributes
    ----------
    sha256 : str
        Of the token, 64 hex digits. The token itself must be long and random.
    mns : frozenset of str
        Loggers it may send for; empty for all.
    """

    name: str
    sha256: str
    mns: frozenset[str]


def read_token(f: Fields) -> Token:
    """Read one `[[token]]`.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    token = Token(f.text("name"), f.text("sha256").lower(), frozenset(f.texts("mns")))
    if not re.fullmatch(r"[0-9a-f]{64}", token.sha256):
        raise f.wrong("sha256 is not 64 hex digits: keep the hash of the token, not the token")
    f.done()
    return token


def whose(given: str, tokens: Iterable[Token]) -> Token | None:
    """Return the machine a token belongs to; takes as long for every wrong one."""
    digest = hashlib.sha256(given.encode()).hexdigest()
    found = [t for t in tokens if hmac.compare_digest(t.sha256, digest)]
    return found[0] if found else None
