"""Which frames a platform answers, and with what (HJ 212-2017, annex C).

Data with Flag's answer bit gets 9014, a notice gets 9013; nothing else is answered. Above all never an
answer: some devices send theirs with the answer bit set, and answering that makes a loop.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.write import frame

ANSWERS = frozenset({"9011", "9012", "9013", "9014"})
NOTICES = frozenset({"1013", "9015"})
"""From a device: "my clock needs setting", and the heartbeat of 2025."""

_LONGEST_FIELD = 40

_PROOF: dict[str, tuple[str, ...]] = {
    "1011": ("SystemTime",),
    "1061": ("RtdInterval",),
    "1063": ("MinInterval",),
    "2081": ("RestartTime", "DataTime"),
    "3015": ("DataTime",),
    "3017": ("CstartTime",),
    "3018": ("Stime",),
    "3019": ("DataTime",),
    "3020": ("DataTime",),
}
"""What tells a device's data from a platform's request that has the same CN."""

_DATA_PROOF = ("DataTime", "AlarmTime")
_TO_DEVICE = frozenset({"2012", "2022"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, ready to be sent. Fields that the answered frame did not have stay away."""

    cn: str
    qn: str | None
    pw: str | None
    mn: str | None
    flag: int
    st: str = "91"

    def encode(self) -> bytes:
        """Return the answer's frame."""
        fields = [f"QN={self.qn}"] if self.qn is not None else []
        fields += [f"ST={self.st}", f"CN={self.cn}"]
        fields += [f"PW={self.pw}"] if self.pw is not None else []
        fields += [f"MN={self.mn}"] if self.mn is not None else []
        return frame((";".join(fields) + f";Flag={self.flag};CP=&&&&").encode("ascii"))


def answer_to(packet: Packet) -> Answer | None:
    """Return the answer a frame must get once it is safely stored, or None.

    None: no answer wanted, an answer itself, a request, a frame whose check does not prove it (the logger
    must send it again), or fields that could not be repeated in an answer.
    """
    if not packet.need_ack or not packet.trusted or packet.cn is None or packet.cn in ANSWERS:
        return None
    if packet.cn in NOTICES:
        cn = "9013"
    elif _is_data(packet):
        cn = "9014"
    else:
        return None
    if not all(_repeatable(value) for value in (packet.qn, packet.pw, packet.mn)):
        return None
    flag = (packet.flag or 0) & ~3  # the version stays, answer bit and split bit go
    return Answer(cn, packet.qn, packet.pw, packet.mn, flag)


def _is_data(packet: Packet) -> bool:
    cn = packet.cn or ""
    proof = _PROOF.get(cn)
    if proof is None and len(cn) == 4 and cn.startswith("2") and cn not in _TO_DEVICE:
        proof = _DATA_PROOF
    return proof is not None and any(packet.value(name) is not None for name in proof)


def _repeatable(value: str | None) -> bool:
    """Plain short text only: an answer must not carry a peer's control bytes back."""
    return value is None or (len(value) <= _LONGEST_FIELD and value.isascii() and value.isprintable())
