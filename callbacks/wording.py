"""Times, spans and numbers as the park's people read them.

Park time is shown in the park's own zone. Thousands are set off by a thin space from 10 000; a value that is
not known is a dash, never a zero. So it is in Chinese and English; a third language has its own signs and its
own order of day and month (`geodata.locales`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from geodata import locales, zone
from geodata.words import LANGS, Lang, Text
from twin.model import CommandState, IncidentState

NONE = "—"
LONG_SKEW_S = 600.0  # from here on a wrong clock is told in hours and minutes
SHORT = {"d": Text("天", "d"), "h": Text("时", "h"), "min": Text("分", "min"), "s": Text("秒", "s")}

STATES: dict[IncidentState, Text] = {
    IncidentState.OPEN: Text("进行中", "Open"),
    IncidentState.CONTAINED: Text("已拦住", "Contained"),
    IncidentState.FAULT: Text("仪表故障", "Instrument fault"),
    IncidentState.CLOSED: Text("已关闭", "Closed"),
}

COMMAND_STATES: dict[CommandState, Text] = {
    CommandState.PROPOSED: Text("待第二人批准", "Awaiting second person"),
    CommandState.APPROVED: Text("已批准", "Approved"),
    CommandState.SENT: Text("已下发", "Sent"),
    CommandState.MOVING: Text("正在动作", "Moving"),
    CommandState.DONE: Text("已到位", "In position"),
    CommandState.FAILED: Text("未到位", "Failed"),
    CommandState.REFUSED: Text("已退回", "Sent back"),
}


def local(at: datetime) -> datetime:
    """Return a moment in the park's own zone."""
    return zone.local(at)


def hm(at: datetime) -> str:
    """Hours and minutes, `02:59`."""
    return f"{local(at):%H:%M}"


def hms(at: datetime) -> str:
    """Hours, minutes and seconds, `02:59:04`."""
    return f"{local(at):%H:%M:%S}"


def moment(at: datetime, now: datetime, lang: Lang) -> str:
    """A moment as short as it can be said: the time today, the day before that."""
    days = (local(now).date() - local(at).date()).days
    if days == 0:
        return hm(at)
    if days == 1:
        return Text("昨 {t}", "yest. {t}").fill(t=hm(at)).say(lang)
    return day(at, lang)


def day(at: datetime, lang: Lang) -> str:
    """A day without its year: `11-22`."""
    return f"{local(at):%m-%d}" if lang in LANGS else locales.written(local(at), locales.DAY, lang)


def day_hm(at: datetime, lang: Lang) -> str:
    """A day and a time: `11-22 02:59`."""
    return f"{day(at, lang)} {hm(at)}"


def day_hms(at: datetime, lang: Lang) -> str:
    """A day and a time to the second: `11-22 02:59:04`."""
    return f"{day(at, lang)} {hms(at)}"


def date_hm(at: datetime, lang: Lang) -> str:
    """A date and a time: `2026-11-22 02:59`."""
    date = f"{local(at):%Y-%m-%d}" if lang in LANGS else locales.written(local(at), locales.DATE, lang)
    return f"{date} {hm(at)}"


def span(seconds: float, lang: Lang) -> str:
    """A span in words, two units at most: `15 分 32 秒`, `15 min 32 s`."""
    total = max(0, round(seconds))
    hours, rest = divmod(total, 3600)
    minutes, secs = divmod(rest, 60)
    if hours:
        pairs = [(hours, "h"), (minutes, "min")]
    elif minutes:
        pairs = [(minutes, "min"), (secs, "s")]
    else:
        pairs = [(secs, "s")]
    said = [(n, unit) for i, (n, unit) in enumerate(pairs) if n or i == 0]
    if lang in LANGS:
        return " ".join(f"{n} {SHORT[unit].say(lang)}" for n, unit in said)
    return " ".join(locales.unit(n, unit, lang) for n, unit in said)


def hours(n: float) -> Text:
    """A length of time in whole hours, in minutes where it is shorter: `24 小时`, `24 h`."""
    if n >= 1:
        return Text("{n} 小时", "{n} h").fill(n=f"{n:.0f}")
    return Text("{n} 分钟", "{n} min").fill(n=f"{max(n, 0) * 60:.0f}")


def countdown(seconds: float) -> str:
    """Time left as a clock, `00:12:24`; nothing left is `00:00:00`."""
    total = max(0, int(seconds))
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"


def number(value: float | None, decimals: int = 0, *, lang: Lang) -> str:
    """A number with thin spaces from 10 000 on; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:,.{decimals}f}" if abs(value) >= 10_000 else f"{value:.{decimals}f}"
    return locales.number(text, lang)


def percent(share: float | None, *, lang: Lang) -> str:
    """A share as whole percent, without the sign; what is small but not nothing is `<1`."""
    if share is None or not math.isfinite(share):
        return NONE
    if 0 < share < 0.005:
        return "<1"
    if 0.995 <= share < 1:
        return ">99"
    return locales.number(f"{share * 100:.0f}", lang)


def rate(share: float | None, lang: Lang, decimals: int = 1) -> str:
    """A share in percent, with its sign and decimals: `99.7%`."""
    if share is None:
        return NONE
    return f"{number(share * 100, decimals, lang=lang)}%"


def signed(value: float, decimals: int = 1, *, lang: Lang) -> str:
    """A number that always shows its sign."""
    return locales.number(f"{value:+.{decimals}f}", lang)


def skew(seconds: float, lang: Lang) -> str:
    """By how much a clock is wrong: `−0.2 s`; what is wrong by many minutes reads `−3 h 20 min`."""
    if abs(seconds) < 0.05:
        return f"{number(0, 1, lang=lang)} s"
    if abs(seconds) < LONG_SKEW_S:
        return f"{signed(seconds, lang=lang)} s"
    return ("+" if seconds > 0 else "−") + span(abs(seconds) // 60 * 60, lang)


def kilograms(kg: float | None, *, lang: Lang) -> str:
    """A mass in kg, as many digits as it deserves."""
    if kg is None or not math.isfinite(kg):
        return NONE
    return number(kg, 0 if kg >= 100 else 1 if kg >= 1 else 2, lang=lang)


def volume(m3: float | None, lang: Lang) -> tuple[str, str]:
    """A volume and its unit: from 10 000 m³ in 万 m³ in Chinese, in thousands of m³ in English."""
    if m3 is None or not math.isfinite(m3):
        return NONE, "m³"
    if m3 >= 10_000:
        return (f"{m3 / 10_000:.1f}", "万 m³") if lang == "zh" else (f"{m3 / 1000:.0f}", "×10³ m³")
    return number(m3, lang=lang), "m³"


class Figure(Text):
    """A number put into a sentence: it is written as its reader writes numbers.

    Examples
    --------
    >>> Text("{m} 千克", "{m} kg").fill(m=Figure(kilograms, 3.25)).say("en")
    '3.2 kg'
    """

    __slots__ = ("_form",)
    _form: Callable[[Lang], str]

    def __init__(self, form: Callable[..., str], *values: object) -> None:
        def write(lang: Lang) -> str:
            return form(*values, lang=lang)

        object.__setattr__(self, "_form", write)
        Text.__init__(self, write("zh"), write("en"))

    def say(self, lang: Lang) -> str:
        """Return the number as one language writes it."""
        return self._form(lang)
