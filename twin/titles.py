"""What an incident is called: where it was first seen, by which factors, and what that usually means."""

from __future__ import annotations

from geodata.places import OutletKind, Park
from geodata.words import Text
from twin.factors import factor
from twin.reach import Reach

MOST = 3  # factors named

_NOBODY = Text("来源待查", "source to be found")
_SEWER = Text("疑似超标排入管网", "sewer discharge over its limits suspected")
_OUTLET = Text("{name}排口超标", "outlet of {name} over its limits")
_SUSPICION = {  # (a rain outlet lies upstream, a rack crossing lies upstream)
    (True, False): Text("疑似雨水口排放", "rain outlet suspected"),
    (True, True): Text("疑似雨水口排放或管线泄漏", "rain outlet or pipe leak suspected"),
    (False, True): Text("疑似管线泄漏", "pipe leak suspected"),
    (False, False): _NOBODY,
}


class Titles:
    """Titles of incidents, by the station that saw them first."""

    def __init__(self, park: Park, reach: Reach) -> None:
        self._stations = park.stations
        self._park, self._reach = park, reach

    def of(self, station: int, factors: tuple[str, ...], why: Text | None = None) -> Text:
        """Return the title of an incident first seen at a station (its position), by these factors."""
        names = [factor(code).short for code in factors[:MOST]]
        more = len(factors) > MOST
        zh = "、".join(n.zh for n in names) + (" 等" if more else "")
        en = ", ".join(n.en for n in names) + (" and others" if more else "")
        return Text("{place} {factors} 异常，{why}", "{place}: {factors} abnormal, {why}").fill(
            place=self._stations[station].name, factors=Text(zh, en), why=why or self._suspicion(station)
        )

    def _suspicion(self, k: int) -> Text:
        """What lies upstream decides what an incident first seen at a station is likely to come from."""
        station = self._stations[k]
        if station.enterprise is not None:
            return _OUTLET.fill(name=self._park.enterprise(station.enterprise).short)
        kinds = {self._park.outlets[o].kind for o in self._reach.reached_by(k).tolist()}
        if OutletKind.WASTEWATER in kinds and OutletKind.RAIN not in kinds:
            return _SEWER
        return _SUSPICION[OutletKind.RAIN in kinds, OutletKind.CROSSING in kinds]
