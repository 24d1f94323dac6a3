"""What a survey's numbers mean: shifted Chinese datums, zones, swapped axes, local grids.

Nothing here decides: `recognise` says what the numbers look like, and why, and how sure that is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geodata import crs as door
from geodata import grid as grids
from geodata.grid import Grid
from geodata.words import Text

Floats = NDArray[np.float64]
Shift = Callable[[ArrayLike, ArrayLike], tuple[Floats, Floats]]

MERCATOR = "EPSG:3857"
CHINA = (73.0, 3.0, 136.0, 54.5)  # west, south, east, north, degrees

# GCJ-02 is a shift of WGS 84 by a published polynomial on the Krassovsky ellipsoid, inside this box only.
SHIFTED_BOX = (72.004, 0.8293, 137.8347, 55.8271)
KRASSOVSKY_A = 6_378_245.0  # m
KRASSOVSKY_EE = 0.00669342162296594323
BAIDU = np.pi * 3000.0 / 180.0
INVERSE_DEGREES = 1e-10  # about 0.01 mm
INVERSE_ROUNDS = 40

NORTHING = (1.5e6, 6.1e6)  # m, Gauss-Krueger north of 13 to 55 N
EASTING = (1.0e5, 9.0e5)  # m, false easting 500 km, either zone width
ZONES_3 = range(25, 46)
ZONES_6 = range(13, 24)
MERCATOR_X = (8.1e6, 15.2e6)
MERCATOR_Y = (3.3e5, 7.3e6)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift WGS 84 degrees as AMap and Tencent do; outside the box around China nothing moves."""
    a, b = np.asarray(lon, float), np.asarray(lat, float)
    west, south, east, north = SHIFTED_BOX
    inside = (a >= west) & (a <= east) & (b >= south) & (b <= north)
    x, y = a - 105.0, b - 35.0
    ripple = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    root = np.sqrt(np.abs(x))
    de = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    de = de + 2 / 3 * (ripple + _wave(x, 20, 1) + _wave(x, 40, 3) + _wave(x, 150, 12) + _wave(x, 300, 30))
    dn = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    dn = dn + 2 / 3 * (ripple + _wave(y, 20, 1) + _wave(y, 40, 3) + _wave(y, 160, 12) + _wave(y, 320, 30))
    phi = np.radians(b)
    w = 1 - KRASSOVSKY_EE * np.sin(phi) ** 2
    dlat = np.degrees(dn * w * np.sqrt(w) / (KRASSOVSKY_A * (1 - KRASSOVSKY_EE)))
    dlon = np.degrees(de * np.sqrt(w) / (KRASSOVSKY_A * np.cos(phi)))
    return np.where(inside, a + dlon, a), np.where(inside, b + dlat, b)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Undo `wgs84_to_gcj02`, to better than a millimetre."""
    return _inverse(wgs84_to_gcj02, lon, lat)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift GCJ-02 degrees as Baidu does."""
    a, b = np.asarray(lon, float), np.asarray(lat, float)
    radius = np.hypot(a, b) + 2e-5 * np.sin(b * BAIDU)
    angle = np.arctan2(b, a) + 3e-6 * np.cos(a * BAIDU)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Undo `gcj02_to_bd09`, to better than a millimetre."""
    return _inverse(gcj02_to_bd09, lon, lat)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift WGS 84 degrees twice, to Baidu's."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Undo both shifts."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


UNSHIFT: dict[str, Shift] = {"GCJ-02": gcj02_to_wgs84, "BD-09": bd09_to_wgs84}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the numbers of a file mean.

    Attributes
    ----------
    crs : str
        What PROJ understands; for shifted degrees WGS 84; for a local grid the plane its parameters lead to.
    shift : str
        "GCJ-02", "BD-09" or "".
    grid : Grid or None
        Parameters of a local grid, or the unit of a local plane.
    swapped : bool
        The file gives north first.
    """

    crs: str
    shift: str = ""
    grid: Grid | None = None
    swapped: bool = False

    @classmethod
    def parse(cls, text: str) -> Frame:
        """Read a frame as a person writes it.

        Parameters
        ----------
        text : str
            ``EPSG:4549`` (or anything PROJ knows, a PROJ string with +towgs84 too), ``GCJ-02``, ``BD-09``,
            ``local`` or ``local:ft`` (a plane without a place), or a local grid with its four parameters,
            ``grid:EPSG:4549,dx=...,dy=...,scale=1,rotation=0`` (m, m, ratio, degrees counter-clockwise).

        Raises
        ------
        geodata.crs.CrsError
            It is none of these.
        """
        word = text.strip()
        key = word.upper().replace("-", "").replace("_", "").replace(" ", "")
        shifts = {"GCJ02": "GCJ-02", "BD09": "BD-09"}
        if key in shifts:
            return cls(door.WGS84, shifts[key])
        if key in ("LOCAL", "LOCAL:M", "LOCAL:FT"):
            return cls(door.LOCAL, grid=Grid(0, 0, FOOT_M) if key.endswith("FT") else None)
        if key in ("CGCS2000", "WGS84"):
            return cls(door.CGCS2000 if key == "CGCS2000" else door.WGS84)
        if word.lower().startswith(grids.PREFIX):
            return _grid(word)
        if not door.is_known(word):
            raise door.CrsError(f"no coordinate system {word}")
        return cls(word.upper() if key.startswith("EPSG:") else word)

    def say(self) -> str:
        """Return the frame as `parse` reads it (axes not counted)."""
        if self.shift:
            return self.shift
        if self.crs == door.LOCAL:
            return "local:ft" if self.grid else "local"
        if self.grid:
            g = self.grid
            return f"grid:{self.crs},dx={g.dx_m},dy={g.dy_m},scale={g.scale},rotation={g.rotation_deg}"
        return self.crs

    def to(self, x: ArrayLike, y: ArrayLike, target: str) -> tuple[Floats, Floats]:
        """Turn the file's numbers into x east, y north of a CRS.

        Raises
        ------
        geodata.crs.CrsError
            There is no way to the target.
        """
        a, b = np.asarray(x, float), np.asarray(y, float)
        if self.swapped:
            a, b = b, a
        if self.shift:
            a, b = UNSHIFT[self.shift](a, b)
        if self.grid:
            a, b = self.grid.forward(a, b)
        return door.convert(a, b, self.crs, target)


FOOT_M = 0.3048


class Finding(NamedTuple):
    """What numbers look like; `frame` is None where they cannot tell, `others` are what else would fit."""

    frame: Frame | None
    sure: bool
    proof: Text
    others: tuple[str, ...] = ()


def recognise(
    x: ArrayLike, y: ArrayLike, declared: str | None = None, near: tuple[float, float] | None = None
) -> Finding:
    """Say what coordinates mean, from what their file declares, their digits, and where the others lie.

    Parameters
    ----------
    x, y
        First and second number of each position, as the file gives them.
    declared : str, optional
        What the file says they are.
    near : tuple, optional
        Longitude and latitude of data whose place is known, to choose a zone by.
    """
    a, b = _middle(x), _middle(y)
    if not (np.isfinite(a) and np.isfinite(b)):
        return Finding(None, False, Text("没有坐标", "there are no coordinates"))
    if declared and door.is_known(declared) and not door.is_local(declared):
        return _declared(a, b, declared, near)
    return _by_digits(a, b, near)


def _declared(a: float, b: float, declared: str, near: tuple[float, float] | None) -> Finding:
    """The file's own word counts, unless its numbers cannot lie there."""
    here, turned = _fits(a, b, declared), _fits(b, a, declared)
    values = {"crs": door.title(declared), "a": f"{a:.6g}" if abs(a) < 1e3 else f"{a:.1f}"}
    values["b"] = f"{b:.6g}" if abs(b) < 1e3 else f"{b:.1f}"
    if here:
        return Finding(Frame(declared), True, DECLARED.fill(**values))
    if turned:
        return Finding(Frame(declared, swapped=True), False, SWAPPED.fill(**values))
    found = _by_digits(a, b, near)
    return found._replace(sure=False, proof=MISFIT.fill(**values, rest=found.proof))


def _by_digits(a: float, b: float, near: tuple[float, float] | None) -> Finding:
    """Which plane or globe two numbers can belong to, either way round."""
    found = _digits(a, b, near, swapped=False)
    turned = _digits(b, a, near, swapped=True)
    if found and (found.frame or not turned):
        return found
    if turned:
        frame = turned.frame and replace(turned.frame, swapped=True)
        return turned._replace(frame=frame)
    return Finding(Frame(door.LOCAL), False, NOWHERE.fill(a=f"{a:.1f}", b=f"{b:.1f}"))


def _digits(e: float, n: float, near: tuple[float, float] | None, *, swapped: bool) -> Finding | None:
    """Read `e` as the east and `n` as the north number; None if they cannot be."""
    order = NORTH_FIRST if swapped else EAST_FIRST
    west, south, east, north = CHINA
    if west <= e <= east and south <= n <= north:
        proof = DEGREES.fill(e=f"{e:.6f}", n=f"{n:.6f}", order=order)
        return Finding(Frame(door.CGCS2000), False, proof, ("GCJ-02", "BD-09", door.WGS84))
    if not NORTHING[0] <= n <= NORTHING[1] and not (MERCATOR_X[0] <= e <= MERCATOR_X[1]):
        return None
    zone, rest = int(e // 1e6), e % 1e6
    mercator = MERCATOR_X[0] <= e <= MERCATOR_X[1] and MERCATOR_Y[0] <= n <= MERCATOR_Y[1]
    if NORTHING[0] <= n <= NORTHING[1] and EASTING[0] <= rest <= EASTING[1]:
        if zone in ZONES_3 or zone in ZONES_6:
            wide = zone in ZONES_6
            code = f"EPSG:{4491 + zone - 13 if wide else 4513 + zone - 25}"
            proof = PREFIX.fill(
                e=f"{e:.1f}",
                zone=zone,
                width=6 if wide else 3,
                cm=6 * zone - 3 if wide else 3 * zone,
                order=order,
            )
            return _either(e, n, code, proof, near) if mercator else Finding(Frame(code), False, proof)
        if zone == 0:
            return _no_prefix(e, n, near, order)
    if mercator:
        return Finding(Frame(MERCATOR), False, WEB.fill(e=f"{e:.1f}", n=f"{n:.1f}", order=order))
    return None


def _either(e: float, n: float, zoned: str, proof: Text, near: tuple[float, float] | None) -> Finding:
    """Zones 13 to 15 of the far west share their digits with Web Mercator in the east, where parks are."""

    def away(crs: str) -> float:
        return abs(float(door.to_lonlat(e, n, crs)[0]) - near[0]) if near else 0.0

    web = WEB_OR_ZONE.fill(e=f"{e:.1f}", n=f"{n:.1f}", crs=zoned)
    if away(zoned) < away(MERCATOR):
        return Finding(Frame(zoned), False, proof, (MERCATOR,))
    return Finding(Frame(MERCATOR), False, web, (zoned,))


def _no_prefix(e: float, n: float, near: tuple[float, float] | None, order: Text) -> Finding:
    """Six digits tell the plane but not its meridian; data of known place nearby can."""
    codes = tuple(door.cgcs2000(cm) for cm in range(75, 136, 3))
    if near is None:
        return Finding(None, False, NO_ZONE.fill(e=f"{e:.1f}", order=order), codes)
    lons = [float(door.to_lonlat(e, n, c)[0]) for c in codes]
    best = int(np.argmin([abs(lon - near[0]) for lon in lons]))
    far = abs(lons[best] - near[0]) * 111.3 * np.cos(np.radians(near[1]))
    proof = BY_NEAR.fill(e=f"{e:.1f}", cm=75 + 3 * best, far=f"{far:.1f}", order=order)
    return Finding(Frame(codes[best]), False, proof, codes)


def _fits(e: float, n: float, crs: str) -> bool:
    """Whether a position lies where a CRS is meant to be used, with a degree to spare."""
    if door.is_geographic(crs) and not (-180 <= e <= 180 and -90 <= n <= 90):
        return False
    lon, lat = (float(v) for v in door.to_lonlat(e, n, crs))
    if not (np.isfinite(lon) and np.isfinite(lat)):
        return False
    west, south, east, north = door.area(crs) or (-180.0, -90.0, 180.0, 90.0)
    across = west - 1 <= lon <= east + 1 if west <= east else lon >= west - 1 or lon <= east + 1
    return across and south - 1 <= lat <= north + 1 and _returns(e, n, lon, lat, crs)


def _returns(e: float, n: float, lon: float, lat: float, crs: str) -> bool:
    """Whether the way back gives the same numbers: far outside its zone a projection folds over."""
    x, y = door.to_metres(lon, lat, crs)
    return bool(abs(float(x) - e) < 1.0 and abs(float(y) - n) < 1.0)


def _middle(values: ArrayLike) -> float:
    v = np.asarray(values, float)
    v = v[np.isfinite(v)]
    real = v[v != 0]  # 0 is what programs write where they know nothing
    return float(np.median(real)) if len(real) else 0.0 if len(v) else float("nan")


def _wave(v: Floats, size: float, slow: float) -> Floats:
    return np.asarray(size * np.sin(np.pi * v / slow))


def _inverse(forward: Shift, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Fixed-point inverse of a shift that is small and smooth: each round gains four or more digits."""
    a, b = np.asarray(lon, float), np.asarray(lat, float)
    x, y = a, b
    for _ in range(INVERSE_ROUNDS):
        u, v = forward(x, y)
        dx, dy = a - u, b - v
        x, y = x + dx, y + dy
        if (
            np.max(np.abs(dx), initial=0) < INVERSE_DEGREES
            and np.max(np.abs(dy), initial=0) < INVERSE_DEGREES
        ):
            break
    return x, y


def _grid(text: str) -> Frame:
    try:
        plane, grid = grids.parse(text)
    except ValueError as error:
        raise door.CrsError(f"{text}: {error}") from error
    if not door.is_known(plane):
        raise door.CrsError(f"{text}: needs a known plane, dx= and dy=")
    return Frame(plane, grid=grid)


EAST_FIRST = Text("东坐标在前", "east comes first")
NORTH_FIRST = Text("北坐标在前（X 为北、Y 为东）", "north comes first (X north, Y east)")
DECLARED = Text(
    "文件声明为 {crs}，坐标落在其适用范围内", "the file says {crs} and its positions lie where that is used"
)
SWAPPED = Text(
    "文件声明为 {crs}，但 ({a}, {b}) 只有把两轴对调后才落在其适用范围内",
    "the file says {crs}, but ({a}, {b}) lies where that is used only with its axes swapped",
)
MISFIT = Text(
    "文件声明为 {crs}，但 ({a}, {b}) 不在其适用范围内；{rest}",
    "the file says {crs}, but ({a}, {b}) does not lie where that is used; {rest}",
)
DEGREES = Text(
    "经度 {e}、纬度 {n}，在中国范围内；{order}。单凭数字分不清 CGCS2000、GCJ-02 和 BD-09",
    "longitude {e}, latitude {n}, inside China; {order}. Digits cannot tell CGCS2000, GCJ-02 and BD-09 apart",
)
PREFIX = Text(
    "东坐标 {e} 有 8 位，带号 {zone}：{width} 度带，中央经线 {cm}；{order}",
    "east {e} has 8 digits, zone {zone}: {width}-degree zone, central meridian {cm}; {order}",
)
WEB = Text("({e}, {n}) 像 Web 墨卡托；{order}", "({e}, {n}) looks like Web Mercator; {order}")
WEB_OR_ZONE = Text(
    "({e}, {n}) 像 Web 墨卡托，也可能是 {crs}（带号 6 度带）",
    "({e}, {n}) looks like Web Mercator, and could be {crs} (a 6-degree zone)",
)
NO_ZONE = Text(
    "东坐标 {e} 有 6 位，不带带号：中央经线要由经度决定；{order}",
    "east {e} has 6 digits and no zone: its central meridian must be told; {order}",
)
BY_NEAR = Text(
    "东坐标 {e} 有 6 位，不带带号；取中央经线 {cm} 时离位置已知的数据 {far} km;{order}",
    "east {e} has 6 digits and no zone; meridian {cm} puts it {far} km from data of known place; {order}",
)
NOWHERE = Text(
    "({a}, {b}) 不像任何国家坐标系：可能是地方坐标或模型自己的平面",
    "({a}, {b}) fits no national system: a local grid, or a model's own plane",
)
