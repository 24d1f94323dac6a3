"""Changes to the text of a SWMM model: a tracer and its release, another clock, other flows, other stages.

Whatever the model says of pollutants is left out: one tracer, which only the release brings, is easier to
account for than a rise over base water.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from twin.errors import ConfigError

TRACER = "TRACER"
# What comes with the release as water, so that it also enters a dry node. Where water stands and is drawn
# from a node to both sides, the engine gives it the strength of what enters: stronger water then makes mass.
STRONG_KG_M3 = 5.0
MASS_FACTOR = 28.317  # engine 5.2.4 divides a mass inflow by the litres of a cubic foot too often, measured
QUALITY = frozenset({"POLLUTANTS", "LANDUSES", "COVERAGES", "LOADINGS", "BUILDUP", "WASHOFF", "TREATMENT"})
LOOKS = frozenset({"FILES", "BACKDROP", "REPORT", "MAP", "PROFILES", "TAGS", "LABELS", "SYMBOLS"})
UNITS_M3S = {
    "CFS": 0.3048**3,
    "GPM": 6.30902e-5,
    "MGD": 0.0438126,
    "CMS": 1.0,
    "LPS": 1e-3,
    "MLD": 1000 / 86400,
}
US = ("CFS", "GPM", "MGD")


@dataclass(frozen=True, slots=True)
class Release:
    """Kilograms a second that enter at a node from `start_s` on, for `long_s`, on the model's clock."""

    node: str
    start_s: float
    long_s: float
    kg_s: float


@dataclass(frozen=True, slots=True)
class Model:
    """A model's sections in order: (name, lines without comments)."""

    sections: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, text: str) -> Model:
        """Read the text of a model."""
        found: list[tuple[str, list[str]]] = []
        for raw in text.splitlines():
            line = raw.split(";", 1)[0].rstrip()
            if line.lstrip().startswith("["):
                found.append((line.strip().strip("[]").upper(), []))
            elif found and line.strip():
                found[-1][1].append(line)
        return cls(tuple((n, tuple(rows)) for n, rows in found))

    def text(self) -> str:
        """Return the text."""
        return "\n".join(f"[{n}]\n" + "\n".join(rows) + "\n" for n, rows in self.sections if rows)

    def rows(self, name: str) -> list[list[str]]:
        """Return a section's lines as words."""
        return [row.split() for n, rows in self.sections if n == name for row in rows]

    def option(self, name: str, default: str) -> str:
        """Return an option's value."""
        return next((r[1] for r in self.rows("OPTIONS") if r[0].upper() == name and len(r) > 1), default)

    @property
    def units(self) -> str:
        """The flow units' word."""
        return self.option("FLOW_UNITS", "CFS").upper()

    @property
    def m3s(self) -> float:
        """Cubic metres a second of one flow unit."""
        if self.units not in UNITS_M3S:
            raise ConfigError(f"the flow units {self.units} are not known to SWMM")
        return UNITS_M3S[self.units]

    @property
    def m3(self) -> float:
        """Cubic metres of one unit of volume, as the engine's totals give them (ft3 or m3)."""
        return 0.3048**3 if self.units in US else 1.0

    def clock(self) -> tuple[datetime, datetime]:
        """Return the model's own start and end, taken as UTC.

        Raises
        ------
        ConfigError
            It says none that can be read.
        """
        day = self.option("START_DATE", "01/01/2004")
        start = _moment(day, self.option("START_TIME", "00:00:00"))
        return start, _moment(self.option("END_DATE", day), self.option("END_TIME", "24:00:00"))

    # changes ----------------------------------------------------------------------------------------------

    def without(self, names: Collection[str]) -> Model:
        """Leave sections out."""
        return replace(self, sections=tuple(s for s in self.sections if s[0] not in names))

    def with_rows(self, name: str, lines: Sequence[str]) -> Model:
        """Add lines to a section; a new one comes last."""
        if any(n == name for n, _ in self.sections):
            done = False
            made = []
            for n, rows in self.sections:
                made.append((n, (*rows, *lines) if n == name and not done else rows))
                done = done or n == name
            return replace(self, sections=tuple(made))
        return replace(self, sections=(*self.sections, (name, tuple(lines))))

    def with_options(self, **values: str) -> Model:
        """Set options."""
        kept = [
            (n, tuple(r for r in rows if r.split()[0].upper() not in values) if n == "OPTIONS" else rows)
            for n, rows in self.sections
        ]
        return replace(self, sections=tuple(kept)).with_rows(
            "OPTIONS", [f"{k} {v}" for k, v in values.items()]
        )

    def between(self, start: datetime, end: datetime) -> Model:
        """Set the clock."""
        return self.with_options(
            START_DATE=start.strftime("%m/%d/%Y"),
            START_TIME=start.strftime("%H:%M:%S"),
            REPORT_START_DATE=start.strftime("%m/%d/%Y"),
            REPORT_START_TIME=start.strftime("%H:%M:%S"),
            END_DATE=end.strftime("%m/%d/%Y"),
            END_TIME=end.strftime("%H:%M:%S"),
        )

    def scaled(self, flow: float, roughness: float) -> Model:
        """Multiply all inflows of water, and the roughness of all conduits."""
        if flow == roughness == 1.0:
            return self

        def change(name: str, row: str) -> str:
            w = row.split()
            if name == "CONDUITS" and len(w) > 4:
                w[4] = _times(w[4], roughness)
            elif name == "DWF" and len(w) > 2 and w[1].upper() == "FLOW":
                w[2] = _times(w[2], flow)
            elif name == "INFLOWS" and len(w) > 2 and w[1].upper() == "FLOW":
                w += ["FLOW", "1.0", "1.0"][len(w) - 3 :] if len(w) < 6 else []
                w[5] = _times(w[5], flow)
                if len(w) > 6:
                    w[6] = _times(w[6], flow)
            else:
                return row
            return " ".join(w)

        return replace(
            self, sections=tuple((n, tuple(change(n, r) for r in rows)) for n, rows in self.sections)
        )

    def with_stages(self, stages: Mapping[str, Sequence[tuple[float, float]]]) -> Model:
        """Give outfalls a water level that changes: (hours from the start, level in the model's unit)."""
        if not stages:
            return self
        rows: list[str] = []
        made = []
        for name, lines in self.sections:
            if name == "OUTFALLS":
                lines = tuple(
                    f"{w[0]} {w[1]} TIMESERIES STAGE-{w[0]} NO" if w[0] in stages else line
                    for line in lines
                    if (w := line.split())
                )
            made.append((name, lines))
        for node, points in stages.items():
            rows += [f"STAGE-{node} {hour:.6f} {level:.4f}" for hour, level in points]
        return replace(self, sections=tuple(made)).with_rows("TIMESERIES", rows)

    def without_rules(self, links: Collection[str]) -> Model:
        """Leave out control rules that speak of these links: a gate that is ordered by hand obeys no rule."""
        made = []
        for name, lines in self.sections:
            if name == "CONTROLS":
                rules: list[list[str]] = []
                for line in lines:
                    if line.split()[0].upper() == "RULE" or not rules:
                        rules.append([])
                    rules[-1].append(line)
                spoken = [r for r in rules if not set(links) & {w for line in r for w in line.split()}]
                lines = tuple(line for rule in spoken for line in rule)
            made.append((name, lines))
        return replace(self, sections=tuple(made))

    def with_tracer(self, releases: Sequence[Release]) -> Model:
        """Carry one tracer (mg/L), brought by releases alone, with a little water so that it also enters dry.

        Raises
        ------
        ConfigError
            A release names a node that the model has not.
        """
        known = {r[0] for s in ("JUNCTIONS", "OUTFALLS", "STORAGE", "DIVIDERS") for r in self.rows(s)}
        lost = [r.node for r in releases if r.node not in known]
        if lost:
            raise ConfigError(f"the model has no node {lost[0]}")
        model = replace(
            self,
            sections=tuple(
                (n, tuple(r for r in rows if r.split()[1:2] and r.split()[1].upper() == "FLOW"))
                if n in ("INFLOWS", "DWF")
                else (n, rows)
                for n, rows in self.sections
                if n not in QUALITY
            ),
        ).with_options(IGNORE_QUALITY="NO")
        # concentration in mg/L, its units, none in rain, groundwater or sewers, no decay
        model = model.with_rows("POLLUTANTS", [f"{TRACER} MG/L 0 0 0 0 NO * 0 0 0"])
        series: list[str] = []
        for i, r in enumerate(releases):
            rows, points = _inflow(model, r, i)
            model = model.with_rows("INFLOWS", rows)
            series += points
        return model.with_rows("TIMESERIES", series) if series else model


def _inflow(model: Model, r: Release, i: int) -> tuple[list[str], list[str]]:
    """Lines that bring a release in, and their series; a node that is fed already takes mass alone."""
    water, mass = f"SPILL{i}-W", f"SPILL{i}-M"
    if any(w[0] == r.node and w[1].upper() == "FLOW" for w in model.rows("INFLOWS")):
        rows = [f"{r.node} {TRACER} {mass} MASS 1.0 1.0 0"]
        return rows, _pulse(mass, r, r.kg_s * 1e6 * MASS_FACTOR)
    rows = [f"{r.node} FLOW {water} FLOW 1.0 1.0 0", f"{r.node} {TRACER} {mass} CONCEN 1.0 1.0 0"]
    return rows, _pulse(water, r, r.kg_s / STRONG_KG_M3 / model.m3s) + _pulse(mass, r, STRONG_KG_M3 * 1000)


def _pulse(name: str, r: Release, value: float) -> list[str]:
    """A stepped series; the engine draws straight lines between points, so a step takes two of them."""
    begin, end = r.start_s, r.start_s + r.long_s
    points = [(begin, value), (end - 0.5, value), (end, 0.0)]
    if begin > 1.0:
        points = [(0.0, 0.0), (begin - 0.5, 0.0), *points]
    return [f"{name} {t / 3600:.7f} {v:.8g}" for t, v in points]


def _times(word: str, factor: float) -> str:
    return f"{float(word) * factor:.8g}"


def _moment(day: str, hour: str) -> datetime:
    try:
        date = datetime.strptime(day.replace("-", "/"), "%m/%d/%Y").replace(tzinfo=UTC)
        h, m, s = (*(float(x) for x in hour.split(":")), 0.0, 0.0)[:3]
    except ValueError as error:
        raise ConfigError(f"the model's clock {day} {hour} cannot be read: {error}") from error
    return date + timedelta(hours=h, minutes=m, seconds=s)
