"""One-time tickets for what people sign: bound to the page, the person looking and what was on screen.

A form without the ticket of its own page, with another's, with other gates than those shown, or sent a second
time is refused before a name or password is looked at twice.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geodata.words import Text
from twin.clock import wall_ms
from twin.errors import RefusedError
from twin.records import Records

VALID_MS = 12 * 3_600_000  # a desk's shift
KIND = "ticket"
STALE = Text(
    "此页面已过期或被改动，未记录；请看过刷新后的内容再签",
    "This page is out of date or was altered; nothing was recorded. Look at it again, then sign",
)
USED = Text("这份签名已经提交过，未重复记录", "This signature was sent already; it is not counted twice")


@dataclass(frozen=True, slots=True)
class Spent:
    """A ticket that was used."""

    reader: str
    about: str


class Tickets:
    """Issues tickets and takes each of them once, whichever web process is asked.

    Parameters
    ----------
    key : str
        The secret that also signs sessions.
    """

    def __init__(self, key: str, records: Records) -> None:
        self._key, self._records = key.encode(), records

    def issue(self, shown: Mapping[str, Any], reader: str) -> str:
        """Return the ticket for what a reader has on screen."""
        return self._sealed(f"{wall_ms()}.{secrets.token_hex(8)}", shown, reader)

    def check(self, shown: Mapping[str, Any], reader: str) -> str:
        """Return the ticket's number if it fits what is sent with it.

        Raises
        ------
        RefusedError
            There is none, it is of another page or person, or it is too old.
        """
        stamp, _, _ = str(shown.get("ticket", "")).rpartition(".")
        issued, _, number = stamp.partition(".")
        given = str(shown.get("ticket", "")).encode()
        if not number or not hmac.compare_digest(self._sealed(stamp, shown, reader).encode(), given):
            raise RefusedError(STALE)
        if not 0 <= wall_ms() - int(issued) <= VALID_MS:
            raise RefusedError(STALE)
        return number

    def spend(self, number: str, reader: str, about: str, at: datetime) -> None:
        """Use a ticket up.

        Raises
        ------
        RefusedError
            It was used before.
        """
        if not self._records.add_paper(KIND, number, about, at, Spent(reader, about)):
            raise RefusedError(USED)

    def _sealed(self, stamp: str, shown: Mapping[str, Any], reader: str) -> str:
        said = json.dumps([stamp, reader, {k: v for k, v in shown.items() if k != "ticket"}], sort_keys=True)
        return f"{stamp}.{hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()}"
