"""What a platform may ask of a device: every request of HJ 212, its fields, and what they may say.

A request is checked before it is sent: a device that takes nonsense for a setting needs a person to drive
there. Source: HJ 212-2017, its tables of commands and of fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from twin.errors import RefusedError
from twin.ingest.hj212.times import epoch_ms, stamp
from twin.ingest.hj212.write import Item

_INFO = re.compile(r"i[0-9]{5}-Info")
LONGEST_SPAN_MS = 366 * 86_400_000


class Reply(StrEnum):
    """What a device sends to a request, beside its 9011."""

    RESULT = "result"  # 9012
    DATA = "data"  # frames of the same CN, then 9012
    FLOW = "flow"  # the data that now begin to come; some send no 9012
    NOTICE = "notice"  # a 9013 alone


@dataclass(frozen=True, slots=True)
class Operation:
    """One CN: which fields its request has, and how a device replies.

    `Info` stands for the one field whose name is a code: `i13013-Info` is the value that a 3021 sets.
    """

    cn: str
    reply: Reply
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_SPAN = ("BeginTime", "EndTime")
_POL = ("PolId",)
OPERATIONS: Mapping[str, Operation] = {
    o.cn: o
    for o in (
        Operation("1000", Reply.RESULT, ("OverTime", "ReCount")),
        Operation("1011", Reply.DATA, (), _POL),
        Operation("1012", Reply.RESULT, ("SystemTime",), _POL),
        Operation("1061", Reply.DATA),
        Operation("1062", Reply.RESULT, ("RtdInterval",)),
        Operation("1063", Reply.DATA),
        Operation("1064", Reply.RESULT, ("MinInterval",)),
        Operation("1072", Reply.RESULT, ("NewPW",)),
        Operation("2011", Reply.FLOW),
        Operation("2012", Reply.NOTICE),
        Operation("2021", Reply.FLOW),
        Operation("2022", Reply.NOTICE),
        *(Operation(cn, Reply.DATA, _SPAN) for cn in ("2031", "2041", "2051", "2061")),
        *(Operation(cn, Reply.RESULT, _POL) for cn in ("3011", "3012", "3013", "3014")),
        Operation("3015", Reply.DATA),
        Operation("3016", Reply.RESULT, ("PolId", "CstartTime", "Ctime")),
        Operation("3017", Reply.DATA, _POL),
        Operation("3018", Reply.DATA, _POL),
        Operation("3019", Reply.DATA, _POL),
        Operation("3020", Reply.DATA, ("InfoId",), ("PolId", *_SPAN)),
        Operation("3021", Reply.RESULT, ("PolId", "InfoId"), ("Info",)),
    )
}


def _whole(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: text.isascii() and text.isdigit() and len(text) <= 6 and low <= int(text) <= high


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


def _moment(text: str) -> bool:
    return len(text) == 14 and epoch_ms(text) is not None


_RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "OverTime": (_whole(1, 99), "1..99 s"),
    "ReCount": (_whole(1, 99), "1..99"),
    "RtdInterval": (_whole(30, 3600), "30..3600 s"),
    "MinInterval": (_matches("1|2|3|4|5|6|10|12|15|20|30"), "1 2 3 4 5 6 10 12 15 20 30 min"),
    "NewPW": (_matches("[0-9A-Za-z]{1,6}"), "1 to 6 of 0-9 a-z A-Z"),
    "PolId": (_matches("[0-9A-Za-z]{1,6}"), "a factor code"),
    "InfoId": (_matches("[0-9A-Za-z]{1,6}"), "an information code"),
    "CstartTime": (_matches("([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"), "hhmmss"),
    "Ctime": (_whole(1, 24), "1..24 h"),
    "Info": (_matches(r"[\x21-\x25\x27-\x2b\x2d-\x3a\x3c\x3e-\x7e]{1,40}"), "a value without & , ; ="),
    **dict.fromkeys(("SystemTime", *_SPAN), (_moment, "YYYYMMDDhhmmss")),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, checked.

    Raises
    ------
    RefusedError
        There is no such request, a field is missing or unknown, or it says what it may not say.
    """

    cn: str
    items: tuple[Item, ...] = ()

    def __post_init__(self) -> None:
        operation = OPERATIONS.get(self.cn)
        if operation is None:
            raise RefusedError(f"CN={self.cn} is no request: one of {' '.join(OPERATIONS)}")
        given = dict(self.items)
        if len(given) != len(self.items):
            raise RefusedError(f"CN={self.cn}: a field is there twice")
        for name in operation.needed:
            if name not in given:
                raise RefusedError(f"CN={self.cn} needs {name}={_RULES[name][1]}")
        for name, value in self.items:
            kind = "Info" if _INFO.fullmatch(name) else name
            if name == "Info" or kind not in (*operation.needed, *operation.optional):
                raise RefusedError(f"CN={self.cn} has no field {name}")
            good, said = _RULES[kind]
            if not good(value):
                raise RefusedError(f"CN={self.cn}: {name}={value[:20]!r} is not {said}")
        if self.cn == "3021" and f"{given['InfoId']}-Info" not in given:
            raise RefusedError(f"CN=3021 needs {given['InfoId']}-Info={_RULES['Info'][1]}")
        if "BeginTime" in given and "EndTime" in given:
            self._check_span(given["BeginTime"], given["EndTime"])

    def _check_span(self, begin: str, end: str) -> None:
        length = (epoch_ms(end) or 0) - (epoch_ms(begin) or 0)
        if not 0 <= length <= LONGEST_SPAN_MS:
            raise RefusedError(f"CN={self.cn}: {begin} to {end} is no span of up to a year")

    @property
    def operation(self) -> Operation:
        """What is known about this CN."""
        return OPERATIONS[self.cn]

    def value(self, name: str) -> str:
        """Return a field's text, empty where it has none."""
        return dict(self.items).get(name, "")

    def text(self, *, secret: bool = False) -> str:
        """Return the written form, `CN=1062;RtdInterval=60`; a new password is shown only as a `secret`."""
        shown = ((n, "***" if n == "NewPW" and not secret else v) for n, v in self.items)
        return ";".join((f"CN={self.cn}", *(f"{n}={v}" for n, v in shown)))


def parse(text: str) -> Request:
    """Read the written form, `CN=2061;BeginTime=20260101000000;EndTime=20260102000000`.

    Raises
    ------
    RefusedError
        It is no request.
    """
    pairs = [tuple(part.split("=", 1)) for part in text.strip().split(";") if part]
    if not pairs or any(len(p) != 2 for p in pairs) or pairs[0][0] != "CN":
        raise RefusedError(f"{text[:60]!r} is no request: write CN=1062;RtdInterval=60")
    return Request(pairs[0][1], tuple((n, v) for n, v in pairs[1:]))


def get_time(pol_id: str = "") -> Request:
    """1011: the clock of the logger, or of one analyser."""
    return Request("1011", _pol(pol_id))


def set_time(at_ms: int, pol_id: str = "") -> Request:
    """1012: set the clock of the logger, or of one analyser. `at_ms`: epoch milliseconds."""
    return Request("1012", (*_pol(pol_id), ("SystemTime", stamp(at_ms))))


def set_patience(over_time_s: int, re_count: int) -> Request:
    """1000: how long both sides wait for an answer, and how often they send again."""
    return Request("1000", (("OverTime", str(over_time_s)), ("ReCount", str(re_count))))


def set_real_time_interval(seconds: int) -> Request:
    """1062: how often real-time data are sent."""
    return Request("1062", (("RtdInterval", str(seconds)),))


def set_minute_interval(minutes: int) -> Request:
    """1064: how often minute data are sent."""
    return Request("1064", (("MinInterval", str(minutes)),))


def history(cn: str, from_ms: int, to_ms: int) -> Request:
    """2031 day, 2041 run hours, 2051 minute or 2061 hour data of a span, epoch milliseconds."""
    return Request(cn, (("BeginTime", stamp(from_ms)), ("EndTime", stamp(to_ms))))


def instrument(cn: str, pol_id: str) -> Request:
    """3011 calibrate, 3012 sample now, 3013 clean, 3014 comparison sample, 3019 identity: of one analyser."""
    return Request(cn, _pol(pol_id))


def _pol(pol_id: str) -> tuple[Item, ...]:
    return (("PolId", pol_id),) if pol_id else ()
