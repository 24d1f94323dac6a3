"""The nouns of HJ 212: what a stream of bytes turns into. A raw dict never leaves this folder."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twin.ingest.hj212.times import epoch_ms

Groups = list[list[list[str]]]
"""CP split on `;`, then `,`, then the first `=`; an item without `=` is a list of one."""

_ITEM_END = re.compile("[,;]")

UNTRUSTED = frozenset({"crc_mismatch", "length_wrong"})
"""Deviations that leave it open whether the bytes are what the logger sent. (The check is only as good as
one byte, so a frame whose length does not fit either must not be believed for its check alone.)"""


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame, its fields and its data area. Fields that were not sent are None.

    Attributes
    ----------
    raw : bytes
        The whole frame as received, header to tail.
    offset : int
        Where the frame began in its connection, bytes.
    flag : int or None
        As sent: bit 0 answer wanted, bit 1 split, bits 2 and up the version.
    cp : str
        Text between the `&&` of the data area.
    flat : list of str or None
        Where every item of the data area is `name=value`: name, value, name, value ... None otherwise.
    shape : bytes
        With `flat`: the separators of the data area in order, every second one `=`, the others `,` or `;`.
    deviations : tuple of str
        Names of what is not as the standard says, each once.
    extra : tuple of (str, str)
        Header fields of no known name (and `RF`).
    """

    raw: bytes
    offset: int
    qn: str | None
    st: str | None
    cn: str | None
    pw: str | None
    mn: str | None
    flag: int | None
    pnum: int | None
    pno: int | None
    cp: str
    flat: list[str] | None = None
    shape: bytes = b""
    deviations: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def groups(self) -> Groups:
        """The data area's items, in order and with repetitions, nothing trimmed."""
        return split(self.cp)

    @property
    def version_bits(self) -> int | None:
        """0: 2005. 1: 2017. 2: 2025, or the surface-water protocol. None: no Flag was sent."""
        return None if self.flag is None else self.flag >> 2

    @property
    def need_ack(self) -> bool:
        """True where the sender wants an answer."""
        return self.flag is not None and bool(self.flag & 1)

    @property
    def split(self) -> bool:
        """True for one part of a message in several frames."""
        return self.pnum is not None if self.flag is None else bool(self.flag & 2)

    @property
    def resent(self) -> bool:
        """True for data sent again after a gap (2025's `RF=1`)."""
        return ("RF", "1") in self.extra

    @property
    def trusted(self) -> bool:
        """False where the check does not prove the bytes: look at it, never store numbers from it."""
        return UNTRUSTED.isdisjoint(self.deviations)

    @property
    def data_time(self) -> str | None:
        """The first DataTime as sent, or None."""
        return self.value("DataTime")

    @property
    def data_time_ms(self) -> int | None:
        """DataTime as epoch milliseconds; None where there is none or it is no moment."""
        text = self.data_time
        return None if text is None else epoch_ms(text)

    @property
    def qn_ms(self) -> int | None:
        """QN as epoch milliseconds; None where it is no moment."""
        return None if self.qn is None else epoch_ms(self.qn)

    def value(self, name: str) -> str | None:
        """Return the first value of a name in the data area."""
        cp, wanted = self.cp, f"{name}="
        at = cp.find(wanted)
        while at >= 0:
            before = cp[:at].rstrip(" ")[-1:]
            if not before or before in ",;":
                end = _ITEM_END.search(cp, at)
                return cp[at + len(wanted) : end.start() if end else None]
            at = cp.find(wanted, at + 1)
        return None


def split(cp: str) -> Groups:
    """Split a data area: `;` between groups, `,` between items, the first `=` between name and value."""
    if not cp:
        return []
    return [[item.split("=", 1) for item in group.split(",")] for group in cp.split(";")]


@dataclass(frozen=True, slots=True)
class Reject:
    """Bytes that are no frame.

    Attributes
    ----------
    offset, length : int
        Which bytes of the connection.
    raw : bytes
        The first of them, never more than `frame.RAW_KEPT`.
    reason : str
        First rule broken: no_header, length_field, truncated_or_length, crc_field_or_length, crc_mismatch,
        crc_modbus, tail.
    """

    offset: int
    length: int
    raw: bytes
    reason: str
