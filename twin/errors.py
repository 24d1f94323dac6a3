"""What can go wrong, by what the caller can do about it.

TwinError
 +- ConfigError        the operator must change a setting; the message names it
 +- UnavailableError   something outside is away (Redis, a PLC); try again later
 +- RefusedError       a rule forbids it (one person alone, flood lock); tell the person why
 +- MissingError       the thing named does not exist
 +- PeerError          the other side broke its protocol; count it and go on
"""

from __future__ import annotations

from geodata.words import Text


class TwinError(Exception):
    """Any error this product raises on purpose."""


class ConfigError(TwinError):
    """A setting is wrong; the message names the setting and the mend."""


class UnavailableError(TwinError):
    """A service outside this process is away; the same call may succeed later."""


class RefusedError(TwinError):
    """A safety or access rule forbids the act; `text` says so to whoever asked for it."""

    def __init__(self, why: str | Text) -> None:
        self.text = why if isinstance(why, Text) else Text(why, why)
        super().__init__(self.text.en)


class MissingError(TwinError):
    """No such incident, plan, gate or user."""


class PeerError(TwinError):
    """A peer broke its protocol."""
