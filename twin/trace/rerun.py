"""Makes a ranking again from what it says it was made of, and tells whether the numbers are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from twin.fingerprints import Library, in_force
from twin.history.reader import History
from twin.model import Anomaly, Incident, Kind, LabResult, Level, Point, Ranking
from twin.trace import reading
from twin.trace.rank import rank
from twin.trace.valves import Stood

SAME = 1e-6  # of a probability: two machines may add in another order


@dataclass(frozen=True, slots=True)
class Again:
    """A ranking made again.

    ranking: the new one; worst: the largest difference of a probability; why: what is not as it was then,
    empty where everything is.
    """

    ranking: Ranking
    worst: float
    why: tuple[Text, ...]

    @property
    def same(self) -> bool:
        """Whether every number is as it was."""
        return self.worst <= SAME


def again(
    old: Ranking,
    incident: Incident,
    results: Sequence[LabResult],
    history: History,
    park: Park,
    network: Network,
    library: Library | None = None,
    stood: Stood | None = None,
) -> Again:
    """Make a ranking again.

    Parameters
    ----------
    incident, results
        As they are on record now; what was not known then is left out.
    park, network
        Of the version the ranking was made of; another one is told in `why`.
    library
        Of fingerprints, in the version that held then.
    stood
        How valves and pumps stood then.

    Raises
    ------
    ValueError
        The ranking does not say what it was made of.
    """
    made = old.basis
    if made is None:
        raise ValueError(f"the ranking of {old.incident} does not say what it was made of")
    then = replace(incident, stations=made.stations, factors=made.factors, opened=made.alarm, anomalies=())
    known = [r for r in results if f"{r.barcode}/{r.factor}" in made.results]
    new = rank(
        in_force(park, library),
        network.with_gates(made.gates),
        reading.observations(history, park, made.since, made.until),
        then,
        (_alarm(then, made.alarm),),
        old.at,
        results=known,
        gates=made.gates,
        library=library,
        stood=stood,
        before=made.before,
    )
    return Again(new, _apart(old, new), _why(old, new))


def _alarm(incident: Incident, at: datetime) -> Anomaly:
    point = Point((*incident.stations, "")[0], (*incident.factors, "")[0])
    return Anomaly(
        "", point, Kind.DEVIATION, "", at, 0.0, None, Level.ALARM, 0.0, Text("", ""), None, incident.id
    )


def _apart(old: Ranking, new: Ranking) -> float:
    before = {s.enterprise: s.probability for s in old.suspects}
    after = {s.enterprise: s.probability for s in new.suspects}
    each = [abs(before.get(e, 0.0) - after.get(e, 0.0)) for e in before.keys() | after.keys()]
    return max([*each, abs(old.unknown - new.unknown)])


def _why(old: Ranking, new: Ranking) -> tuple[Text, ...]:
    """Say what is not as it was."""
    a, b = old.basis, new.basis
    if a is None or b is None:
        return ()
    told = (
        (
            old.park_version == new.park_version,
            Text(
                "当时的园区版本没有留下，用的是现在的",
                "the park of then was not kept; this is the present one",
            ),
        ),
        (old.code_version == new.code_version, Text("程序版本不同", "another version of the program")),
        (a.parameters == b.parameters, Text("方法参数不同", "other numbers in the method")),
        (a.water == b.water, Text("水质指纹不同", "other fingerprints")),
        (
            a.readings == b.readings,
            Text("读数有补传或更正", "readings have come late or been corrected since"),
        ),
        (a.results == b.results, Text("采样结果不同", "other results of samples")),
        (a.valves == b.valves, Text("阀、泵的记录不同", "another record of valves and pumps")),
    )
    return tuple(text for same, text in told if not same)
