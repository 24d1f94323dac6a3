"""Who may do what, and how hard it is to guess a password."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geodata.words import Text
from twin.access import BURST, EVERY_MS, Access, Act, Role, User
from twin.errors import ConfigError, RefusedError
from twin.records import Account, Records

LI = Text("李泽远", "Li Zeyuan")


class Wall:
    """A wall clock that stands still until it is moved."""

    ms = 1_795_300_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    it = Records(f"sqlite:///{tmp_path / 'records.sqlite'}")
    it.create()
    yield it
    it.close()


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def access(records: Records, wall: Wall) -> Access:
    return Access(records, wall)


def test_the_right_password_signs_in_and_no_other(access: Access) -> None:
    li = access.add_user("duty", LI, "duty_officer", "correct horse")
    assert li == User("duty", LI, Role.DUTY_OFFICER)
    assert access.authenticate("duty", "correct horse") == li
    assert access.authenticate(" Duty ", "correct horse") == li
    for wrong in ("correct hors", "correct horse ", "", "密码密码密码密码"):
        assert access.authenticate("duty", wrong) is None
    assert access.authenticate("nobody", "correct horse") is None


def test_passwords_are_kept_only_as_salted_hashes(
    access: Access, records: Records, tmp_path: Path, strong_passwords: None
) -> None:
    access.add_user("one", LI, "viewer", "correct horse")
    access.add_user("two", LI, "viewer", "correct horse")
    one, two = records.account("one"), records.account("two")
    assert one is not None
    assert two is not None
    assert one.secret != two.secret
    assert one.secret.startswith("scrypt$32768$8$1$")
    stored = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert b"correct horse" not in stored


def test_a_new_password_replaces_the_old_one(access: Access) -> None:
    access.add_user("duty", LI, "viewer", "old password")
    access.add_user("duty", LI, "admin", "new password")
    assert access.authenticate("duty", "old password") is None
    assert access.authenticate("duty", "new password") == User("duty", LI, Role.ADMIN)
    assert len(access.users()) == 1


def test_a_wrong_name_is_hashed_like_a_wrong_password(
    access: Access, monkeypatch: pytest.MonkeyPatch, strong_passwords: None
) -> None:
    access.add_user("duty", LI, "viewer", "correct horse")
    costs: list[tuple[int, int, int]] = []
    real = hashlib.scrypt

    def counted(*args: Any, **kwargs: Any) -> bytes:
        costs.append((kwargs["n"], kwargs["r"], kwargs["p"]))
        return real(*args, **kwargs)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    access.authenticate("duty", "wrong password")
    access.authenticate("nobody", "wrong password")
    assert len(costs) == 2
    assert costs[0] == costs[1]


@pytest.mark.slow
def test_guessing_is_slowed_by_name_and_nobody_else_waits(access: Access, wall: Wall) -> None:
    li = access.add_user("duty", LI, "viewer", "correct horse")
    access.add_user("office", LI, "viewer", "correct horse")
    for _ in range(BURST):
        assert access.authenticate("duty", "a guess") is None
    for name in ("duty", "DUTY "):
        with pytest.raises(RefusedError, match="wait"):
            access.authenticate(name, "correct horse")
    assert access.authenticate("office", "correct horse") is not None
    wall.ms += EVERY_MS
    assert access.authenticate("duty", "correct horse") == li
    for _ in range(BURST):  # a sign-in that worked gives all attempts back
        assert access.authenticate("duty", "a guess") is None


def test_a_damaged_hash_fits_nothing(access: Access, records: Records) -> None:
    access.add_user("duty", LI, "viewer", "correct horse")
    account = records.account("duty")
    assert account is not None
    good = account.secret
    for damaged in ("", "x", good.replace("scrypt", "md5"), good[:-8] + "AAAAAAA=", "scrypt$3$8$1$AAAA$AAAA"):
        records.put_account(replace(account, secret=damaged))
        assert access.authenticate("duty", "correct horse") is None


def test_a_hash_of_an_earlier_strength_still_fits(access: Access, records: Records) -> None:
    digest = hashlib.scrypt(b"correct horse", salt=b"salt", n=1024, r=8, p=1, dklen=16)
    secret = f"scrypt$1024$8$1${base64.b64encode(b'salt').decode()}${base64.b64encode(digest).decode()}"
    records.put_account(Account("old", LI, "viewer", secret))
    assert access.authenticate("old", "correct horse") is not None


def test_what_cannot_be_an_account_is_named(access: Access) -> None:
    with pytest.raises(ConfigError, match="role"):
        access.add_user("duty", LI, "king", "correct horse")
    with pytest.raises(ConfigError, match="shorter"):
        access.add_user("duty", LI, "viewer", "short")
    with pytest.raises(ConfigError, match="name"):
        access.add_user("  ", LI, "viewer", "correct horse")
    assert access.users() == []


def test_roles_and_acts(access: Access) -> None:
    allowed = {act: {role for role in Role if access.may(User("x", LI, role), act)} for act in Act}
    duty = {Role.DUTY_OFFICER, Role.COMMANDER, Role.ADMIN}
    assert allowed == {
        Act.VIEW: set(Role),
        Act.EXPORT: duty | {Role.MANAGER},
        Act.PROPOSE: duty,
        Act.FLOOD: duty,
        Act.APPROVE: duty,
        Act.INCIDENT: duty,
        Act.DRILL: duty,
        Act.BACKFILL: duty,
        Act.ADMIN: {Role.ADMIN},
    }
    assert not access.may(None, "view")
    with pytest.raises(ValueError, match="aprove"):
        access.may(User("x", LI, Role.ADMIN), "aprove")


def test_the_demos_people_can_sign_in_and_two_of_them_can_approve(access: Access) -> None:
    access.add_demo_users()
    access.add_demo_users()
    found = {u.name: u for u in access.users()}
    assert set(found) == {"duty", "office", "admin", "viewer"}
    for name, user in found.items():
        assert access.authenticate(name, f"demo-{name}") == user
        assert access.user(name) == user
    assert [n for n, u in sorted(found.items()) if access.may(u, Act.APPROVE)] == ["admin", "duty", "office"]
    assert "李泽远" in found["duty"].display.zh
    assert access.user("nobody") is None
