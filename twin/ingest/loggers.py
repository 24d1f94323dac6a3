"""Which loggers may send, from where, with what password and key: a TOML file named by TWIN_LOGGERS.

    others = "refuse"            # what is not listed: "refuse" (default) or "accept"

    [[logger]]
    mn = "010000A8900016F000169DC0"
    pw = "123456"                # optional
    from = ["10.20.0.0/16"]      # optional: addresses or networks it may send from
    sm4_keys = ["30303030303030303030303030303030"]  # optional, 32 hex digits; the present one first
    sm4_form = "raw"             # or "text"

Without a file every logger is welcome.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twin.errors import ConfigError
from twin.ingest.hj212.sealing import Keyring, Seal
from twin.ingest.hj212.sm4 import Cipher

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UNLISTED, WRONG_PW, WRONG_ADDRESS = "mn_unlisted", "pw_wrong", "address_refused"
REMEMBERED = 20_000
_FIELDS = frozenset({"mn", "pw", "from", "sm4_keys", "sm4_form"})


@dataclass(frozen=True, slots=True)
class Logger:
    """One logger of the file."""

    mn: str
    pw: str | None = None
    networks: tuple[Network, ...] = ()
    seal: Seal | None = None


@dataclass(slots=True)
class Loggers:
    """Who may send."""

    listed: Mapping[str, Logger] = field(default_factory=dict)
    others: bool = True
    passwords: dict[str, str] = field(default_factory=dict)
    """By MN: what a 1072 has set since the file was read; the file's own stays good too."""
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def refusal(self, mn: str, pw: str | None, address: str) -> str:
        """Return why a frame is not taken, an empty text for one that is."""
        logger = self.listed.get(mn)
        if logger is None:
            return "" if self.others else UNLISTED
        if logger.pw is not None and pw != logger.pw and pw != self.passwords.get(mn, logger.pw):
            return WRONG_PW
        if logger.networks and (mn, address) not in self._seen:
            try:
                here = ipaddress.ip_address(address)
            except ValueError:
                return WRONG_ADDRESS
            if not any(here in network for network in logger.networks):
                return WRONG_ADDRESS
            if len(self._seen) >= REMEMBERED:
                self._seen.clear()
            self._seen.add((mn, address))
        return ""

    def seal(self, mn: str) -> Seal | None:
        """How a logger encrypts; None for one that does not."""
        logger = self.listed.get(mn)
        return None if logger is None else logger.seal

    def keyring(self) -> Keyring | None:
        """Return what decrypts frames; None where nobody encrypts."""
        seals = {mn: logger.seal for mn, logger in self.listed.items() if logger.seal is not None}
        return Keyring(seals) if seals else None


def load(path: Path | None) -> Loggers:
    """Read the file; no path means every logger is welcome.

    Raises
    ------
    ConfigError
        The file cannot be read or used; the message names the place.
    """
    if path is None:
        return Loggers()
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"TWIN_LOGGERS={path} cannot be read: {error}") from error
    try:
        return _loggers(data)
    except ValueError as error:
        raise ConfigError(f"TWIN_LOGGERS={path}: {error}") from error


def _loggers(data: Mapping[str, Any]) -> Loggers:
    others = data.get("others", "refuse")
    if others not in ("refuse", "accept"):
        raise ValueError(f'others = {others!r}: write "refuse" or "accept"')
    unknown = data.keys() - {"others", "logger"}
    if unknown:
        raise ValueError(f"unknown setting {', '.join(sorted(unknown))}")
    listed: dict[str, Logger] = {}
    for number, row in enumerate(data.get("logger", []), 1):
        try:
            logger = _logger(row)
        except (TypeError, ValueError) as error:
            raise ValueError(f"logger {number} ({row.get('mn', 'without mn')}): {error}") from error
        if logger.mn in listed:
            raise ValueError(f"logger {number}: {logger.mn} is there twice")
        listed[logger.mn] = logger
    return Loggers(listed, others == "accept")


def _logger(row: Mapping[str, Any]) -> Logger:
    unknown = row.keys() - _FIELDS
    if unknown:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}")
    mn, pw = row.get("mn"), row.get("pw")
    if not isinstance(mn, str) or not mn:
        raise ValueError("mn is missing")
    if pw is not None and not isinstance(pw, str):
        raise ValueError("pw is a text: put it in quotes")
    networks = tuple(ipaddress.ip_network(text, strict=False) for text in row.get("from", ()))
    form = row.get("sm4_form", "raw")
    if form not in ("raw", "text"):
        raise ValueError(f'sm4_form = {form!r}: write "raw" or "text"')
    ciphers = [Cipher(bytes.fromhex(text)) for text in row.get("sm4_keys", ())]
    return Logger(mn, pw, networks, Seal(ciphers, form) if ciphers else None)
