"""The check: against the standard's text, byte by byte, and the two properties the short cut rests on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twin.ingest.hj212.crc import TABLE, crc16, crc_modbus, crc_text

ANNEX = (
    b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
)
ANNEX_2025 = b"QN=20240601085857223;ST=32;CN=1011;PW=123456;MN=010000A8900016F000169DC0;Flag=9;CP=&&&&"


def by_the_book(data: bytes) -> int:
    """The standard's own words, one bit at a time."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            low = register & 1
            register >>= 1
            if low:
                register ^= 0xA001
    return register


def modbus_by_the_book(data: bytes) -> int:
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            low = register & 1
            register >>= 1
            if low:
                register ^= 0xA001
    return register


def test_the_examples_of_the_standard() -> None:
    assert crc_text(ANNEX) == b"1C80"
    assert crc_text(ANNEX_2025) == b"2200"
    assert crc_text(b"") == b"FFFF"
    assert crc_modbus(ANNEX) == 0x0759


@given(st.binary(max_size=300))
def test_equals_the_definition(data: bytes) -> None:
    assert crc16(data) == by_the_book(data)
    assert crc_text(data) == b"%04X" % by_the_book(data)
    assert crc_modbus(data) == modbus_by_the_book(data)


def test_equals_the_definition_at_every_length_around_the_limits() -> None:
    data = bytes((i * 37 + i // 256) & 0xFF for i in range(10_000))
    for n in [*range(1, 80), *range(1015, 1040), 9991, 9992, 9999]:
        assert crc16(data[:n]) == by_the_book(data[:n]), n


def test_the_high_byte_of_the_table_is_linear_and_eight_steps_are_one_round() -> None:
    high = [value >> 8 for value in TABLE]
    assert all(high[a ^ b] == high[a] ^ high[b] for a in range(256) for b in range(256))
    for start in range(256):
        value = start
        for _ in range(8):
            value = high[value]
        assert value == start


def test_only_256_values_exist_so_structure_must_be_checked_too() -> None:
    assert {value & 0xFF for value in TABLE} == {0x00, 0x01, 0x40, 0x41, 0x80, 0x81, 0xC0, 0xC1}
    swapped = bytearray(ANNEX)
    swapped[10], swapped[18] = swapped[18], swapped[10]
    assert bytes(swapped) != ANNEX
    assert crc16(bytes(swapped)) == crc16(ANNEX)


def test_every_single_wrong_byte_is_found() -> None:
    right = crc16(ANNEX)
    for at in range(len(ANNEX)):
        for change in (1, 0x10, 0x80, 0xFF):
            wrong = bytearray(ANNEX)
            wrong[at] ^= change
            assert crc16(bytes(wrong)) != right
