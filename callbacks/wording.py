"""Times, spans and numbers as the park's people read them.

Park time is shown in the park's own zone (UTC+8). Thousands are set off by a thin space from 10 000; a value
that is not known is a dash, never a zero.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

from geodata.words import Lang, Text
from twin.model import CommandState, IncidentState

ZONE = timezone(timedelta(hours=8))
NONE = "—"
THIN = "\u2009"

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
    return at.astimezone(ZONE)


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
    return f"{local(at):%m-%d}"


def span(seconds: float, lang: Lang) -> str:
    """A span in words, two units at most: `15 分 32 秒`, `15 min 32 s`."""
    total = max(0, round(seconds))
    hours, rest = divmod(total, 3600)
    minutes, secs = divmod(rest, 60)
    zh, en = ("时", "分", "秒"), ("h", "min", "s")
    units = zh if lang == "zh" else en
    if hours:
        pairs = [(hours, units[0]), (minutes, units[1])]
    elif minutes:
        pairs = [(minutes, units[1]), (secs, units[2])]
    else:
        pairs = [(secs, units[2])]
    said = [f"{n} {u}" for i, (n, u) in enumerate(pairs) if n or i == 0]
    return " ".join(said)


def hours(n: float) -> Text:
    """A length of time in whole hours, in minutes where it is shorter: `24 小时`, `24 h`."""
    if n >= 1:
        return Text("{n} 小时", "{n} h").fill(n=f"{n:.0f}")
    return Text("{n} 分钟", "{n} min").fill(n=f"{max(n, 0) * 60:.0f}")


def countdown(seconds: float) -> str:
    """Time left as a clock, `00:12:24`; nothing left is `00:00:00`."""
    total = max(0, int(seconds))
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"


def number(value: float | None, decimals: int = 0) -> str:
    """A number with thin spaces from 10 000 on; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:,.{decimals}f}" if abs(value) >= 10_000 else f"{value:.{decimals}f}"
    return text.replace(",", THIN).replace("-", "\u2212")


def percent(share: float | None) -> str:
    """A share as whole percent, without the sign; what is small but not nothing is `<1`."""
    if share is None or not math.isfinite(share):
        return NONE
    if 0 < share < 0.005:
        return "<1"
    if 0.995 <= share < 1:
        return ">99"
    return f"{share * 100:.0f}"


def signed(value: float, decimals: int = 1) -> str:
    """A number that always shows its sign."""
    return ("+" if value >= 0 else "\u2212") + f"{abs(value):.{decimals}f}"


def kilograms(kg: float | None) -> str:
    """A mass in kg, as many digits as it deserves."""
    if kg is None or not math.isfinite(kg):
        return NONE
    return number(kg, 0 if kg >= 100 else 1 if kg >= 1 else 2)


def volume(m3: float | None, lang: Lang) -> tuple[str, str]:
    """A volume and its unit: from 10 000 m³ in 万 m³ in Chinese, in thousands of m³ in English."""
    if m3 is None or not math.isfinite(m3):
        return NONE, "m³"
    if m3 >= 10_000:
        return (f"{m3 / 10_000:.1f}", "万 m³") if lang == "zh" else (f"{m3 / 1000:.0f}", "×10³ m³")
    return number(m3), "m³"
