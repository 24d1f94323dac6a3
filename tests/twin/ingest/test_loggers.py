"""The file of loggers: who may send, and what a mistake in it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.errors import ConfigError
from twin.ingest.loggers import load

MN = "010000A8900016F000169DC0"


def written(folder: Path, text: str) -> Path:
    path = folder / "loggers.toml"
    path.write_text(text, "utf-8")
    return path


def test_without_a_file_everybody_is_welcome() -> None:
    loggers = load(None)
    assert loggers.refusal("any", None, "192.0.2.1") == ""
    assert loggers.keyring() is None


def test_mn_password_and_address(tmp_path: Path) -> None:
    text = f'[[logger]]\nmn = "{MN}"\npw = "123456"\nfrom = ["10.20.0.0/16", "2001:db8::1"]\n'
    loggers = load(written(tmp_path, text))
    for address in ("10.20.255.1", "2001:db8::1", "10.20.255.1"):
        assert loggers.refusal(MN, "123456", address) == ""
    assert loggers.refusal(MN, "123456", "10.21.0.1") == "address_refused"
    assert loggers.refusal(MN, "123456", "") == "address_refused"
    assert loggers.refusal(MN, "123457", "10.20.0.1") == "pw_wrong"
    assert loggers.refusal(MN, None, "10.20.0.1") == "pw_wrong"
    assert loggers.refusal("other", "123456", "10.20.0.1") == "mn_unlisted"
    loggers.passwords[MN] = "abc"
    assert loggers.refusal(MN, "abc", "10.20.0.1") == loggers.refusal(MN, "123456", "10.20.0.1") == ""


def test_others_may_be_let_in(tmp_path: Path) -> None:
    loggers = load(
        written(tmp_path, f'others = "accept"\n[[logger]]\nmn = "{MN}"\nsm4_keys = ["{"30" * 16}"]')
    )
    assert loggers.refusal("other", None, "10.0.0.1") == ""
    assert loggers.seal(MN) is not None
    assert loggers.seal("other") is None
    assert loggers.keyring() is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("others = 1", "accept"),
        ("loggers = []", "unknown setting loggers"),
        ("[[logger]]\npw = '1'", "mn is missing"),
        ("[[logger]]\nmn = 'a'\npw = 123456", "quotes"),
        ("[[logger]]\nmn = 'a'\nfrom = ['10.0.0.300']", "10.0.0.300"),
        ("[[logger]]\nmn = 'a'\nsm4_keys = ['30']", "16 bytes"),
        ("[[logger]]\nmn = 'a'\nsm4_keys = ['zz']", "hexadecimal"),
        ("[[logger]]\nmn = 'a'\nsm4_form = 'hex'", "raw"),
        ("[[logger]]\nmn = 'a'\nport = 1", "unknown field port"),
        ("[[logger]]\nmn = 'a'\n[[logger]]\nmn = 'a'", "twice"),
        ("[[logger", "cannot be read"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match="TWIN_LOGGERS") as caught:
        load(written(tmp_path, text))
    assert said in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
