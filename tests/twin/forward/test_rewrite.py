"""Frames as a target wants them: only what has to change does, and the result is a frame by the standard."""

from __future__ import annotations

from typing import Any

import pytest

from twin.blocks import BlockBuilder, Series
from twin.forward.rewrite import composed, header, packet_of, plain, rewritten
from twin.forward.targets import Target, read_target
from twin.ingest.fields import Fields
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Interpreter
from twin.ingest.hj212.sealing import Keyring, Seal
from twin.ingest.hj212.sm4 import Cipher
from twin.ingest.hj212.write import Message, frame, frames

MN, THEIRS = "010000A8900016F000169DC0", "020000A8900016F000169DC0"
AT = 1_795_305_900_000
GROUPS = [[("DataTime", "20261122080500")], [("w01018-Rtd", "12.5"), ("w01018-Flag", "N")]]


def target(**settings: Any) -> Target:
    return read_target(Fields({"name": "city", "host": "h", "port": 1, **settings}, "test"))


def upload(**changes: Any) -> bytes:
    said = {"qn": "20261122080500123", "groups": GROUPS, "ack": True} | changes
    return frames(Message("32", "2011", "123456", MN, **said))[0]


def strict(data: bytes) -> Packet:
    (found,) = Reader(tolerant=False).feed(data)
    assert isinstance(found, Packet)
    assert found.deviations == ()
    return found


def sent(raw: bytes, to: Target, late: bool = False, unseal: Keyring | None = None) -> Any:
    packet = packet_of(raw, unseal)
    assert packet is not None
    return rewritten(packet, to, AT, late)


def test_what_needs_no_change_is_the_same_frame() -> None:
    raw = upload()
    assert sent(raw, target()) == (raw, MN, "20261122080500123", True)


def test_names_of_the_target() -> None:
    to = target(mn={MN: THEIRS}, pw="654321")
    out = sent(upload(), to)
    packet = strict(out.data)
    assert (packet.mn, packet.pw, packet.qn) == (THEIRS, "654321", "20261122080500123")
    assert (packet.cp, out.mn) == (packet_of(upload(), None).cp, THEIRS)  # type: ignore[union-attr]
    assert strict(sent(upload(), target(pw="654321", pws={MN: "111111"})).data).pw == "111111"


def test_an_answer_is_asked_for_unless_frames_are_to_stay_as_they_are() -> None:
    raw = upload(ack=False)
    out = sent(raw, target())
    assert strict(out.data).flag == 5
    assert out.answered
    assert sent(raw, target(proven=False)) == (raw, MN, "20261122080500123", False)


def test_a_frame_of_2005_gets_a_qn_that_stays_the_same() -> None:
    raw = frames(Message("32", "2011", "123456", MN, None, GROUPS, False, 2005))[0]
    once, again = sent(raw, target()), sent(raw, target())
    assert once == again
    packet = strict(once.data)
    assert (packet.qn, packet.flag) == ("20261122080500000", 1)


@pytest.mark.parametrize("damage", ["tail", "modbus", "lower"])
def test_framing_that_a_strict_platform_refuses_is_put_right(damage: str) -> None:
    raw = upload()
    body = raw[6:-6]
    broken = {
        "tail": raw[:-2],
        "modbus": raw[:6] + body + modbus(body) + b"\r\n",
        "lower": raw[:-6] + raw[-6:-2].lower() + b"\r\n",
    }[damage]
    assert strict(sent(broken, target()).data).cp == strict(raw).cp


def modbus(body: bytes) -> bytes:
    from twin.ingest.hj212.crc import crc_modbus

    return b"%04X" % crc_modbus(body)


def test_what_comes_late_is_marked_in_2025_only() -> None:
    assert strict(sent(upload(dialect=2025), target(), late=True).data).resent
    assert not strict(sent(upload(dialect=2017), target(), late=True).data).resent
    assert not strict(sent(upload(dialect=2025), target(), late=False).data).resent


def test_a_sealed_frame_is_opened_and_sealed_anew() -> None:
    ours, theirs = (Seal((Cipher(bytes([n]) * 16),)) for n in (48, 49))
    raw = frames(Message("32", "2011", "123456", MN, "20261122080500123", GROUPS, True, 2025), ours)[0]
    keys = Keyring({MN: ours})
    open_ = sent(raw, target(), unseal=keys)
    assert strict(open_.data).value("w01018-Rtd") == "12.5"
    closed = sent(raw, target(sm4_key="31" * 16), unseal=keys)
    assert b"w01018" not in closed.data
    assert packet_of(closed.data, Keyring({MN: theirs})).value("w01018-Rtd") == "12.5"  # type: ignore[union-attr]


def test_headers_are_read_without_the_rest() -> None:
    assert header(upload()) == (MN, "2011")
    assert header(b"##0009CN=2011;MN=x&CP=&&MN=evil") == ("x", "2011")
    assert header(b"rubbish") == ("", "")


def test_bytes_that_are_no_frame() -> None:
    assert packet_of(b"rubbish", None) is None
    assert packet_of(frame(b"QN=1;CP=&&&&")[:-6] + b"0000\r\n", None) is None


def test_readings_of_other_doors_become_frames_that_say_the_same() -> None:
    builder = BlockBuilder()
    rows = [
        (Series(MN, f"w{i:05d}", "2061", stat), AT, value, ord("N") if i % 2 else 0)
        for i, value in enumerate([0.00001, 12.5, 123456.0, -1.5] * 20)
        for stat in ("Avg", "Max")
    ]
    builder.add(b"other", AT, [(Series("X", "w01018", "2011", "Rtd"), AT, 1.0, 0)])
    builder.add(b"json", AT, rows)
    made = list(composed(builder.build(), 1, AT + 7))
    assert len(made) > 1  # more than one frame holds
    read = [row for _, _, data in made for row in Interpreter().readings(strict(data)).rows]
    assert sorted(read) == sorted(rows)
    assert {(mn, cn) for mn, cn, _ in made} == {(MN, "2061")}


def test_numbers_have_no_exponent() -> None:
    assert [plain(x) for x in (1e-7, 1e21, 12.0, -0.5)] == [
        "0.0000001",
        "1000000000000000000000",
        "12",
        "-0.5",
    ]


@pytest.mark.parametrize(
    "settings",
    [{"pw": "12 34"}, {"mn": {"A": "Z", "B": "Z"}}, {"mn": {"A": "a;b"}}, {"cns": ["9014"]},
     {"sm4_key": "00"}, {"port": 0}, {"colour": 1}],
)  # fmt: skip
def test_a_wrong_setting_names_its_place(settings: dict[str, Any]) -> None:
    from twin.errors import ConfigError

    with pytest.raises(ConfigError, match="test"):
        target(**settings)
