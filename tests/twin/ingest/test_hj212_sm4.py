"""SM4 against the published examples, and encrypted frames in both forms."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet, Reject
from twin.ingest.hj212.sealing import Form, Keyring, Seal, seal
from twin.ingest.hj212.sm4 import SBOX, Cipher
from twin.ingest.hj212.write import Group, Message, frames

KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
MN = "010000A8900016F000169DC0"


def test_the_standards_example() -> None:
    assert Cipher(KEY).encrypt(KEY).hex().upper() == "681EDF34D206965E86B3E94F536E4246"


def test_the_table_is_the_standards() -> None:
    assert SBOX[:16].hex() == "d690e9fecce13db716b614c228fb2c05"
    assert SBOX[-16:].hex() == "18f07dec3adc4d2079ee5f3ed7cb3948"
    assert sorted(SBOX) == list(range(256))


def test_hj_212_2025_annex_h() -> None:
    text = b"testuser:AezF0nZRs4kypuGO"
    pad = 16 - len(text) % 16
    cipher = Cipher(b"msbE74gsiSHSEh5e").encrypt(text + bytes([pad]) * pad)
    assert base64.b64encode(cipher) == b"LG/m7lsFU/taig+vbQsDJXy4NGAaE2j2lplPwhZM7iM="


def test_one_block_many_times() -> None:
    """Blocks do not depend on each other."""
    many = Cipher(KEY).encrypt(KEY * 1000)
    assert many == bytes.fromhex("681EDF34D206965E86B3E94F536E4246") * 1000


def test_a_key_has_16_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Cipher(b"short")


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=200))
def test_there_and_back_with_a_plain_rest(key: bytes, data: bytes) -> None:
    cipher = Cipher(key)
    there = cipher.encrypt(data)
    assert len(there) == len(data)
    assert there[len(data) - len(data) % 16 :] == data[len(data) - len(data) % 16 :]
    assert cipher.decrypt(there) == data


def upload(i: int = 0, cn: str = "2011", by: Seal | None = None, rest: str = "") -> bytes:
    groups: list[Group] = [[("DataTime", "20260601080000")], [("w01018-Rtd", f"{i}.5"), ("w01018-Flag", "N")]]
    if rest:
        groups.append([("w01001-Rtd", rest)])
    message = Message("32", cn, "123456", MN, f"20260601080000{i % 1000:03d}", groups, True, 2025)
    return frames(message, by)[0]


@pytest.mark.parametrize("form", ["raw", "text"])
@pytest.mark.parametrize("size", [1, 2, 9, 15])
def test_encrypted_frames_are_read(form: Form, size: int) -> None:
    by = Seal([Cipher(b"0" * 16)], form)
    plain, wire = upload(1, rest="1" * size), upload(1, by=by, rest="1" * size)
    assert wire != plain
    assert wire[2:6] == plain[2:6]
    assert wire[-6:] == plain[-6:]
    reader = Reader(tolerant=True, unseal=Keyring({MN: by}))
    (packet,) = reader.feed(wire)
    assert isinstance(packet, Packet)
    assert packet.trusted
    assert packet.value("w01018-Rtd") == "1.5"
    assert packet.raw == wire
    assert packet.deviations == ()
    wrong = Reader(tolerant=True, unseal=Keyring({MN: Seal([Cipher(b"1" * 16)], form)}))
    found = wrong.feed(wire) + wrong.close()
    assert not any(isinstance(x, Packet) and x.trusted for x in found)


def test_only_the_commands_of_the_standard_are_encrypted() -> None:
    by = Seal([Cipher(KEY)])
    assert upload(cn="3020", by=by) != upload(cn="3020")
    assert upload(cn="1062", by=by) == upload(cn="1062")
    assert seal(b"ST=91;CN=9014;CP=&&&&", by) == b"ST=91;CN=9014;CP=&&&&"


def test_many_raw_frames_byte_by_byte_whatever_the_cipher_looks_like() -> None:
    """Cipher bytes may hold ## and CR LF: frames are found by their length alone."""
    by = Seal([Cipher(b"0" * 16)])
    count = 600
    data = b"".join(upload(i, by=by, rest=str(i * i)) for i in range(count))
    reader = Reader(tolerant=True, unseal=Keyring({MN: by}))
    found: list[Packet | Reject] = []
    for at in range(0, len(data), 7):
        found += reader.feed(data[at : at + 7])
    assert [x.value("w01018-Rtd") for x in found if isinstance(x, Packet)] == [f"{i}.5" for i in range(count)]
    assert len(found) == count


def test_while_keys_change_both_are_known() -> None:
    old, new = Cipher(b"0" * 16), Cipher(b"1" * 16)
    reader = Reader(unseal=Keyring({MN: Seal([new, old])}))
    found = reader.feed(upload(1, by=Seal([old])) + upload(2, by=Seal([new])) + upload(3))
    assert [isinstance(x, Packet) and x.value("w01018-Rtd") for x in found] == ["1.5", "2.5", "3.5"]


@given(st.binary(max_size=300))
def test_rubbish_under_a_known_name_is_rubbish(area: bytes) -> None:
    by = Seal([Cipher(KEY)], "text")
    segment = b"ST=32;CN=2011;PW=1;MN=" + MN.encode() + b";Flag=9;CP=&&" + area + b"&&"
    assert all(isinstance(x, bytes) for x in Keyring({MN: by})(segment) or ())
