"""Who may do what: accounts, passwords and roles. Time is wall time; a drill does not change who you are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from geodata.words import Text
from twin import clock
from twin.errors import ConfigError, RefusedError
from twin.records import Account, Records

BURST, EVERY_MS = 10, 6_000  # sign-ins of one name: ten at once, then one every six seconds
LEAST_PASSWORD = 8
TOO_OFTEN = Text("{name} 尝试过于频繁，请等 {s} 秒", "too many attempts for {name}: wait {s} seconds")
_N, _R, _P, _LENGTH = 1 << 15, 8, 1, 32  # scrypt: 32 MiB, about 0.1 s


class Role(StrEnum):
    """What a person is in the park."""

    VIEWER = "viewer"
    MANAGER = "manager"
    DUTY_OFFICER = "duty_officer"
    COMMANDER = "commander"
    ADMIN = "admin"


class Act(StrEnum):
    """What a person may be allowed to do."""

    VIEW = "view"
    EXPORT = "export"
    PROPOSE = "propose"  # a gate command; try closings of one's own
    FLOOD = "flood"  # set and lift flood locks
    APPROVE = "approve"
    INCIDENT = "incident"  # judge, close, call it an instrument fault
    DRILL = "drill"
    BACKFILL = "backfill"  # send readings of the past
    ADMIN = "admin"


_ON_DUTY = frozenset((Role.DUTY_OFFICER, Role.COMMANDER, Role.ADMIN))
_MAY: Mapping[Act, frozenset[Role]] = {
    Act.VIEW: frozenset(Role),
    Act.EXPORT: _ON_DUTY | {Role.MANAGER},
    Act.PROPOSE: _ON_DUTY,
    Act.FLOOD: _ON_DUTY,
    Act.APPROVE: _ON_DUTY,
    Act.INCIDENT: _ON_DUTY,
    Act.DRILL: _ON_DUTY,
    Act.BACKFILL: _ON_DUTY,
    Act.ADMIN: frozenset((Role.ADMIN,)),
}


@dataclass(frozen=True, slots=True)
class User:
    """A person who has signed in."""

    name: str
    display: Text
    role: Role


class Access:
    """Accounts of one park, kept in its records.

    Parameters
    ----------
    records : Records
    wall_ms : callable
        The wall clock, epoch milliseconds; tests put their own here.
    """

    def __init__(self, records: Records, wall_ms: Callable[[], int] = clock.wall_ms) -> None:
        self._records = records
        self._wall_ms = wall_ms

    def add_user(self, name: str, display: Text, role: Role | str, password: str) -> User:
        """Make an account, or give an old one a new name, role and password.

        Raises
        ------
        ConfigError
            There is no such role, or the name or password is too short to be one.
        """
        key = _key(name)
        if not key:
            raise ConfigError("an account needs a name")
        if len(password) < LEAST_PASSWORD:
            raise ConfigError(f"the password of {key} is shorter than {LEAST_PASSWORD} characters")
        if role not in list(Role):
            raise ConfigError(f"{role!r} is not a role: use one of {', '.join(Role)}")
        self._records.put_account(Account(key, display, str(role), _hashed(password)))
        return User(key, display, Role(role))

    def authenticate(self, name: str, password: str) -> User | None:
        """Return the person if name and password fit; a wrong name takes as long as a wrong password.

        Raises
        ------
        RefusedError
            Too many attempts with this name; one is given back every few seconds, nobody is locked out.
        """
        key = _key(name)
        if not self._records.take_attempt(key, self._wall_ms(), BURST, EVERY_MS):
            raise RefusedError(TOO_OFTEN.fill(name=key, s=EVERY_MS // 1000))
        account = self._records.account(key)
        fits = _fits(password, account.secret if account else _NOBODY)
        if account is None or not fits:
            return None
        self._records.clear_attempts(key)
        return _user(account)

    def user(self, name: str) -> User | None:
        """Return the person of a name that was signed in before; None if the account is gone."""
        account = self._records.account(_key(name))
        return None if account is None else _user(account)

    def known(self, name: str) -> tuple[User | None, str]:
        """Return the person of a name with a mark that changes with the password; what a session rests on."""
        account = self._records.account(_key(name))
        if account is None:
            return None, ""
        return _user(account), hashlib.sha256(f"session {account.secret}".encode()).hexdigest()[:16]

    def users(self) -> list[User]:
        """Everybody with an account."""
        return [_user(account) for account in self._records.accounts()]

    def may(self, user: User | None, act: Act | str) -> bool:
        """Tell whether a person may do something; nobody in particular may do nothing.

        Raises
        ------
        ValueError
            There is no such act; a mistyped one must not pass for a refusal.
        """
        allowed = _MAY[Act(act)]
        return user is not None and user.role in allowed

    def add_demo_users(self) -> list[User]:
        """Make the demo's four people. Their passwords are public: only the demo may call this."""
        people = (
            ("duty", Text("值班长 李泽远", "Li Zeyuan, duty officer"), Role.DUTY_OFFICER),
            ("office", Text("应急办 陈屿", "Chen Yu, emergency office"), Role.COMMANDER),
            ("admin", Text("系统管理 周宁", "Zhou Ning, administrator"), Role.ADMIN),
            ("viewer", Text("访客", "Visitor"), Role.VIEWER),
        )
        return [self.add_user(name, display, role, f"demo-{name}") for name, display, role in people]


def _key(name: str) -> str:
    return name.strip().casefold()


def _user(account: Account) -> User:
    return User(account.name, account.display, Role(account.role))


def _hashed(password: str) -> str:
    salt = os.urandom(16)
    return f"scrypt${_N}${_R}${_P}${_b64(salt)}${_b64(_scrypt(password, salt, _N, _R, _P, _LENGTH))}"


def _fits(password: str, secret: str) -> bool:
    """Compare a password with a hash made by `_hashed`, perhaps with other parameters than today's."""
    try:
        kind, n, r, p, salt, digest = secret.split("$")
        expected = base64.b64decode(digest, validate=True)
        got = _scrypt(password, base64.b64decode(salt, validate=True), int(n), int(r), int(p), len(expected))
    except (ValueError, binascii.Error):
        return False
    return kind == "scrypt" and hmac.compare_digest(got, expected)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    room = 130 * n * r  # what OpenSSL must be allowed, a little over 128 n r bytes
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=length)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Compared with when there is no such name, so that the answer takes as long. No password fits it.
_NOBODY = f"scrypt${_N}${_R}${_P}${_b64(bytes(16))}${_b64(bytes(_LENGTH))}"
