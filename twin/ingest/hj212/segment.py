"""A data segment's bytes to its fields: `QN=..;ST=..;CN=..;PW=..;MN=..;Flag=..;[PNUM=..;PNO=..;]CP=&&..&&`.

A segment written exactly as the standard says takes the short way: one match for the whole header, then
`str.split`. Everything else takes the long way, which drops nothing and names each deviation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from twin.ingest.hj212.packet import Groups, Packet, split
from twin.ingest.hj212.times import epoch_ms

STANDARD_SEGMENT = 1024
STANDARD_CP = 960  # 950 since 2017, 960 in 2005

_NOT_SEPARATORS = bytes(set(range(256)) - set(b"=,;"))
# A date that exists, 29 February left to the long way.
_DATE = (
    r"[0-9]{4}(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    r"|02(?:0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = r"(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_MOMENT = re.compile(_DATE + _TIME)
_HEAD = re.compile(
    rf"QN=({_DATE}{_TIME}[0-9]{{3}});ST=([0-9A-Z]{{2}});CN=([0-9]{{4}});"
    r"PW=([0-9A-Za-z]{1,6});MN=([0-9A-F]{24}|[0-9A-Za-z]{14});Flag=([014589]);CP=&&"
)
_MN = re.compile(r"[0-9A-F]{24}|[0-9A-Za-z]{14}")
_ST = re.compile(r"[0-9A-Z]{2}")
_CN = re.compile(r"[0-9]{4}")
_NAMES = {
    "qn": "QN",
    "st": "ST",
    "cn": "CN",
    "pw": "PW",
    "mn": "MN",
    "flag": "Flag",
    "pnum": "PNUM",
    "pno": "PNO",
}
_KNOWN = frozenset(_NAMES.values())


def read(segment: bytes, raw: bytes, offset: int, framing: tuple[str, ...] = ()) -> Packet:
    """Read a data segment into a packet.

    Parameters
    ----------
    segment : bytes
        What the check was computed over.
    raw : bytes
        The whole frame, kept as it is.
    offset : int
        Where the frame began in its connection.
    framing : tuple of str
        Deviations the frame itself showed.

    Returns
    -------
    Packet
        Never raises: whatever the text is, it is kept and its deviations are named.
    """
    text, encoding = decode(segment)
    head = _HEAD.match(text)
    if (
        head is None
        or encoding
        or framing
        or len(segment) > STANDARD_SEGMENT
        or not text.endswith("&&", head.end())
    ):
        return _loose(text, raw, offset, [*framing, *encoding], len(segment))
    qn, st, cn, pw, mn, flag = head.groups()
    cp = text[head.end() : -2]
    flat, shape, odd = _area(cp)
    return Packet(raw, offset, qn, st, cn, pw, mn, int(flag), None, None, cp, flat, shape, tuple(odd))


def _area(cp: str) -> tuple[list[str] | None, bytes, list[str]]:
    """Return a data area's flat form and its separators where it has no oddity, otherwise the oddities."""
    if cp.isascii():
        shape = cp.encode("ascii").translate(None, _NOT_SEPARATORS)
        flat = cp.replace(",", "=").replace(";", "=").split("=")
        pairs = len(flat) >> 1
        if (
            len(flat) == 2 * pairs == shape.count(b"=") * 2
            and shape[::2].count(b"=") == pairs
            and shape[1::2].count(b"=") == 0
            and len(set(flat[::2])) == pairs
            and flat[0] == "DataTime"
            and _MOMENT.fullmatch(flat[1])
            and " " not in cp
            and len(cp) <= STANDARD_CP
        ):
            return flat, shape, []
    return None, b"", oddities(cp)


def decode(segment: bytes) -> tuple[str, list[str]]:
    """Turn bytes into text: ASCII, else UTF-8, else GB 18030 (of which GBK is a part)."""
    if segment.isascii():
        return segment.decode("ascii"), []
    for codec, name in (("utf-8", "non_ascii_utf8"), ("gb18030", "gbk")):
        try:
            return segment.decode(codec), [name]
        except UnicodeDecodeError:
            continue
    return segment.decode("utf-8", "replace"), ["undecodable"]


def oddities(cp: str) -> list[str]:
    """Name what is not standard in a data area."""
    odd: list[str] = []
    groups = split(cp)
    names = [item[0] for group in groups for item in group]
    if len(set(names)) != len(names):
        odd.append("duplicate_key")
    if any(len(item) == 2 and "=" in item[1] for group in groups for item in group):
        odd.append("missing_separator")
    if any(item == [""] for group in groups for item in group):
        odd.append("empty_item")
    if any(len(item) == 1 and item[0] for group in groups for item in group):
        odd.append("item_without_value")
    if " " in cp:
        odd.append("blank_in_cp")
    if len(cp) > STANDARD_CP:
        odd.append("cp_too_long")
    if names and "DataTime" in names:
        odd += _data_time(groups)
    return odd


def _data_time(groups: Groups) -> Iterable[str]:
    for group in groups:
        for item in group:
            if item[0] != "DataTime":
                continue
            value = item[1] if len(item) == 2 else ""
            if epoch_ms(value) is None:
                return ("datatime_invalid",)
            return ("datatime_17_digits",) if len(value) == 17 else ()
    return ()


def _loose(text: str, raw: bytes, offset: int, odd: list[str], size: int) -> Packet:
    """Read what is not exactly standard."""
    head, cp, tail = _cut(text, odd)
    fields, extra = _fields([*head.split(";"), *tail.split(";")], odd)
    if size > STANDARD_SEGMENT:
        odd.append("segment_over_1024")
    flat, shape, found = _area(cp)
    odd += found
    flag = _number(fields.get("Flag"), "flag", 255, odd)
    pnum = _number(fields.get("PNUM"), "pnum", None, odd)
    pno = _number(fields.get("PNO"), "pno", None, odd)
    _check(fields, flag, pnum, pno, odd)
    qn, st, cn, pw, mn = (fields.get(_NAMES[n]) for n in ("qn", "st", "cn", "pw", "mn"))
    deviations = tuple(dict.fromkeys(odd))
    return Packet(raw, offset, qn, st, cn, pw, mn, flag, pnum, pno, cp, flat, shape, deviations, tuple(extra))


def _cut(text: str, odd: list[str]) -> tuple[str, str, str]:
    """Cut a segment into header, data area and what stands behind the data area."""
    at = 0 if text.startswith("CP=") else text.find(";CP=")
    if at < 0:
        at = text.find("CP=")  # the `;` before it was forgotten
    if at < 0:
        odd.append("no_cp")
        return text, "", ""
    head, rest = text[:at], text[text.index("CP=", at) + 3 :]
    if rest.startswith("&&"):
        rest = rest[2:]
    elif rest.startswith("&"):
        rest = rest[1:]
        odd.append("cp_single_amp")
    else:
        odd.append("cp_unopened")
    if rest.endswith("&&"):
        return head, rest[:-2], ""
    behind = rest.rfind("&&")
    if behind >= 0 and "=" in rest[behind:]:
        odd.append("field_after_cp")
        return head, rest[:behind], rest[behind + 2 :]
    if rest.endswith("&"):
        odd.append("cp_single_amp")
        return head, rest[:-1], ""
    odd.append("cp_unclosed")
    return head, rest, ""


def _fields(items: list[str], odd: list[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Sort header items into the known fields and the rest; the first of a repeated field counts."""
    fields: dict[str, str] = {}
    extra: list[tuple[str, str]] = []
    by_fold = {name.casefold(): name for name in _KNOWN}
    for item in items:
        if not item:
            continue
        name, equals, value = item.partition("=")
        known = name if name in _KNOWN else by_fold.get(name.strip().casefold(), "")
        if known != name and known:
            odd.append("field_name")
        if not equals:
            odd.append("field_without_value")
        if not known:
            extra.append((name, value))
            if item != "RF=1":
                odd.append("field_unknown")
        elif known in fields:
            odd.append("field_repeated")
        else:
            fields[known] = value
    return fields, extra


def _number(value: str | None, name: str, most: int | None, odd: list[str]) -> int | None:
    """Read a count. More than 18 digits are taken for nonsense, so that nobody can make us compute."""
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        odd.append(f"{name}_not_a_number")
        return None
    number = int(value)
    if most is not None and number > most:
        odd.append(f"{name}_out_of_range")
    return number


def _check(
    fields: dict[str, str], flag: int | None, pnum: int | None, pno: int | None, odd: list[str]
) -> None:
    """Name what is missing or malformed in the header."""
    odd += [f"{low}_missing" for low in ("qn", "st", "cn", "pw", "mn", "flag") if _NAMES[low] not in fields]
    qn, st, cn, pw, mn = (fields.get(_NAMES[n]) for n in ("qn", "st", "cn", "pw", "mn"))
    if qn is not None and not (len(qn) == 17 and qn.isascii() and qn.isdigit()):
        odd.append("qn_not_17_digits")
    elif qn is not None and epoch_ms(qn) is None:
        odd.append("qn_not_a_time")
    if st is not None and not _ST.fullmatch(st):
        odd.append("st_not_2_chars")
    if cn is not None and not _CN.fullmatch(cn):
        odd.append("cn_not_4_digits")
    if pw is not None and not 1 <= len(pw) <= 6:
        odd.append("pw_nonstandard")
    if mn is not None and not _MN.fullmatch(mn):
        odd.append("mn_nonstandard")
    if flag is not None and bool(flag & 2) != (pnum is not None and pno is not None):
        odd.append("pnum_missing" if flag & 2 else "pnum_without_flag")
    if flag is None and pnum is not None:
        odd.append("pnum_without_flag")
    if pnum is not None and pno is not None and not 1 <= pno <= pnum:
        odd.append("pno_out_of_range")
