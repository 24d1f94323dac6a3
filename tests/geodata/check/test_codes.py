"""Check characters of GB 32100-2015, and the shapes of an MN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.check.codes import CREDIT_ALPHABET, credit_check, is_mn


@pytest.mark.parametrize("code", ["91350100M000100Y43"])
def test_the_example_of_the_standard_carries_the_character_we_reckon(code: str) -> None:
    assert credit_check(code) == code[-1]


@given(
    st.text(CREDIT_ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(CREDIT_ALPHABET)
)
def test_one_wrong_character_never_passes(body: str, at: int, other: str) -> None:
    right = credit_check(body + "0")
    changed = body[:at] + other + body[at + 1 :]
    assert (credit_check(changed + "0") == right) == (changed == body)


@pytest.mark.parametrize(
    "code", ["", "9135", "91350100M000100YI3", "91350100m000100y43", "91350100M000100Y431"]
)
def test_other_texts_are_no_codes(code: str) -> None:
    assert credit_check(code) is None


def test_an_mn_is_24_hex_digits_or_14_characters() -> None:
    assert is_mn("010000A8900016F000169DC0")
    assert is_mn("88888880000001")
    assert not is_mn("010000A8900016F000169DC")
    assert not is_mn("G10000A8900016F000169DC0")
    assert not is_mn("8888888000000-")
