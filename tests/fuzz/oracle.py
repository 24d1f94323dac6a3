"""A second, plain reading of HJ 212 frames: slow, by the standard's words, sharing no line with ours."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache

CHINA = timezone(timedelta(hours=8))
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
FRAME = re.compile(rb"##([0-9]+)(.*)", re.DOTALL)


def _one(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return register


_STEP = [_one(i) for i in range(256)]


def check(data: bytes) -> int:
    """Annex A of HJ 212-2017: shift the register right by eight bits, take the byte in, eight steps."""
    register = 0xFFFF
    for byte in data:
        register = _STEP[(register >> 8) ^ byte]
    return register


def modbus(data: bytes) -> int:
    """The check that some loggers send instead."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ _STEP[(register ^ byte) & 0xFF]
    return register


@lru_cache(64)  # of one frame many readings are asked about
def segments(raw: bytes) -> list[bytes]:
    """Every way to read a frame whose length and check are right: its data segments."""
    found = []
    match = FRAME.fullmatch(raw.rstrip(b"\r\n"))
    for digits in range(1, len(match[1]) + 1) if match else ():
        for width in (4, 3):
            body, sent = raw.rstrip(b"\r\n")[2 + digits : -width], raw.rstrip(b"\r\n")[-width:]
            if not re.fullmatch(rb"[0-9A-Fa-f]+", sent):
                continue
            length = int(raw[2 : 2 + digits])
            if length not in (len(body), *(len(text) for text in texts(body))):
                continue
            other = modbus(body)
            if int(sent, 16) in (check(body), other, (other & 0xFF) << 8 | other >> 8):
                found.append(body)
    return found


def texts(segment: bytes) -> list[str]:
    """What the bytes may say: UTF-8 or GB 18030."""
    out = []
    for code in ("utf-8", "gb18030"):
        try:
            out.append(segment.decode(code))
        except UnicodeDecodeError:
            continue
    return out


def epoch_ms(text: str) -> int | None:
    """A DataTime as a moment."""
    if not re.fullmatch(r"[0-9]{14}([0-9]{3})?", text):
        return None
    try:
        at = datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=CHINA)
    except ValueError:
        return None
    return round(at.timestamp()) * 1000 + int(text[14:] or 0)


def complaint(
    raw: bytes, mn: str, factor: str, cn: str, stat: str, at_ms: int, value: float, flag: int
) -> str:
    """Return why a reading cannot have been read from a frame; an empty text where it can."""
    why = "no length and check fit"
    for segment in segments(raw):
        for text in texts(segment):
            why = _in_text(text, mn, factor, cn, stat, at_ms, value, flag)
            if not why:
                return ""
    return why


def _in_text(text: str, mn: str, factor: str, cn: str, stat: str, at_ms: int, value: float, flag: int) -> str:
    why = "no data area"
    for found in re.finditer("CP=", text, re.IGNORECASE):
        head, area = text[: found.start()], text[found.end() :]
        rest = area.lstrip("&")
        ends = (rest.removesuffix("&&"), rest.partition("&&")[0], rest.rpartition("&&")[0], area.strip("&"))
        for inner in ends:
            fields = f"{head};{area.rpartition('&&')[2]}"  # some loggers put fields behind the data area
            why = _header(fields, mn, cn) or _area(inner, factor, stat, at_ms, value, flag)
            if not why:
                return ""
    return why


def _header(head: str, mn: str, cn: str) -> str:
    fields = [item.split("=", 1) for item in head.split(";") if "=" in item]
    said = {name.strip().upper(): content for name, content in reversed(fields)}
    return "" if (said.get("MN"), said.get("CN")) == (mn, cn) else f"the header says {said}"


def _area(area: str, factor: str, stat: str, at_ms: int, value: float, flag: int) -> str:
    items = [item.split("=", 1) for item in re.split("[;,]", area) if "=" in item]
    pairs = [(name.strip().casefold(), content.strip(" ")) for name, content in items]
    wanted = f"{factor}-{stat}".casefold()
    if not any(n == wanted and NUMBER.fullmatch(v) and float(v) == value for n, v in pairs):
        return f"{wanted}={value} is not sent"
    if not any(n == "datatime" and epoch_ms(v.strip()) == at_ms for n, v in pairs):
        return f"no DataTime is {at_ms}"
    marks = [v for n, v in pairs if n in (f"{factor}-flag".casefold(), "flag", "-flag")]
    odd = flag == ord("?") and any(len(mark) != 1 or not "!" <= mark <= "~" for mark in marks)
    return (
        "" if not flag or odd or chr(flag) in {*marks, *map(str.strip, marks)} else f"mark {flag} is not sent"
    )
