"""The forty fictional enterprises: names, trades, water, and the composition of what they make dirty."""

from __future__ import annotations

import csv
import math
import random
from dataclasses import dataclass
from functools import cache

from geodata import park as park_file
from geodata.places import Fingerprint
from geodata.words import Text

FACTORS = ("w01018", "w21003", "w21001", "w21011", "w01014", "w21017")
AS_OF = "2026-06"

TRADES: dict[str, Text] = {
    "refining": Text("石油炼制", "Petroleum refining"),
    "petrochem": Text("石油化工", "Petrochemicals"),
    "pharma": Text("化学制药", "Pharmaceuticals"),
    "dye": Text("染料颜料", "Dyes and pigments"),
    "resin": Text("合成树脂", "Resins"),
    "fine": Text("精细化工", "Fine chemicals"),
    "polymer": Text("合成橡胶与纤维", "Rubber and fibres"),
    "silicon": Text("硅材料", "Silicon materials"),
    "pesticide": Text("农药", "Pesticides"),
    "coating": Text("涂料", "Coatings"),
    "electronic": Text("电子化学品", "Electronic chemicals"),
    "fluorine": Text("氟化工", "Fluorochemicals"),
    "salt": Text("盐化工", "Chlor-alkali"),
    "phosphorus": Text("磷化工", "Phosphorus chemicals"),
    "fertiliser": Text("氮肥与醇", "Nitrogen and methanol"),
    "storage": Text("化学品仓储", "Chemical storage"),
    "tanning": Text("皮革助剂", "Leather chemicals"),
    "plating": Text("表面处理", "Surface treatment"),
}

# Middle composition by trade, mg/L (conductivity uS/cm), in the order of FACTORS. Orders of magnitude that
# textbooks give for raw process water of such trades; fictional, see SOURCES.md.
TRADE_WATER: dict[str, tuple[float, ...]] = {
    "refining": (1400, 55, 75, 2.5, 3200, 2.0),
    "petrochem": (2600, 25, 45, 3.5, 2600, 1.2),
    "pharma": (9500, 260, 420, 28, 9800, 3.0),
    "dye": (5200, 340, 480, 6.0, 21000, 2.2),
    "resin": (7200, 40, 85, 4.5, 5200, 1.0),
    "fine": (6100, 120, 210, 14, 11500, 5.5),
    "polymer": (3100, 75, 120, 9.0, 4100, 1.1),
    "silicon": (520, 18, 36, 2.0, 14500, 46),
    "pesticide": (8300, 420, 610, 165, 17500, 9.0),
    "coating": (6400, 32, 66, 7.5, 2900, 2.6),
    "electronic": (680, 150, 190, 22, 3600, 120),
    "fluorine": (1250, 45, 70, 5.0, 12500, 330),
    "salt": (420, 28, 44, 1.8, 42000, 4.0),
    "phosphorus": (760, 62, 95, 410, 7600, 75),
    "fertiliser": (1900, 680, 760, 5.5, 3900, 1.4),
    "storage": (3600, 30, 52, 3.0, 2100, 0.9),
    "tanning": (4700, 310, 390, 11, 16500, 1.6),
    "plating": (880, 95, 140, 36, 8200, 58),
}

SPREAD_WITHIN = 0.42  # standard deviation of the logarithm between enterprises of one trade


@dataclass(frozen=True, slots=True)
class Firm:
    """One enterprise as it is written down here."""

    id: str
    name: Text
    short: Text
    trade: str
    waste_m3d: float  # wastewater to its outlet; 0 where it has none
    category: str


@cache
def firms() -> tuple[Firm, ...]:
    """Return the forty enterprises as `geodata/data/demo_enterprises.csv` lists them."""
    text = (park_file.demo_path().parent / "demo_enterprises.csv").read_text(encoding="utf-8")
    return tuple(
        Firm(
            row["id"],
            Text(row["name_zh"], row["name_en"]),
            Text(row["short_zh"], row["short_en"]),
            row["trade"],
            float(row["waste_m3d"]),
            row["permit_category"],
        )
        for row in csv.DictReader(text.splitlines())
    )


# Five enterprises share one pipe and use it by turns; hours are local.
SLOTS: dict[str, tuple[tuple[str, str], ...]] = {
    "E06": (("00:00", "05:00"),),
    "E07": (("05:20", "09:40"),),
    "E08": (("10:00", "14:30"),),
    "E09": (("14:50", "19:20"),),
    "E10": (("19:40", "23:40"),),
}


def uscc(number: int) -> str:
    """Return a fictional unified social credit code (18 characters) with a right check digit.

    The organisation part begins with letters no registry of this region uses, so that no real body is meant.
    The check character follows GB 32100-2015: weights are powers of 3 modulo 31.
    """
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = f"91329900MAXCY{number:03d}"
    body = body + alphabet[(number * 7) % 31]
    total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + alphabet[(31 - total % 31) % 31]


def fingerprints() -> tuple[Fingerprint, ...]:
    """Return the composition of every enterprise's raw water; the same at every call."""
    dice = random.Random(20261)
    found = []
    for firm in firms():
        values = [m * math.exp(dice.gauss(0.0, SPREAD_WITHIN)) for m in TRADE_WATER[firm.trade]]
        values[2] = max(values[2], 1.12 * values[1])  # total nitrogen holds the ammonia
        for factor, value in zip(FACTORS, values, strict=True):
            digits = 3 - 1 - math.floor(math.log10(value))
            found.append(Fingerprint(firm.id, factor, round(value, digits), "demo", AS_OF))
    return tuple(found)


def permit_t(firm: Firm) -> tuple[float, float]:
    """Return permitted COD and ammonia loads (t/a): its flow at 420 and 32 mg/L, a little generous."""
    volume = firm.waste_m3d * 365 / 1e6
    return round(volume * 420 * 1.08, 1), round(volume * 32 * 1.08, 2)
