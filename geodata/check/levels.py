"""Checks of levels and sizes: slopes, depths, offsets, sections."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geodata.check.findings import Finding, finding
from geodata.check.table import GRAVITY_KINDS, STRUCTURES, Bools, Floats, Table, vague
from geodata.places import Park
from geodata.words import Text

CLIMB_M = 0.02  # a rise below this is within the accuracy of a survey
SMALLER_M = 0.001
DEEPEST_M = 15.0  # depth a node may have
OUTSIDE_M = 0.01

BOTTOM = Text("井底高程", "bottom level")
GROUND = Text("地面高程", "ground level")


def check(park: Park, t: Table) -> Iterator[Finding]:
    """Give every finding about levels and sizes."""
    yield from _slopes(t)
    yield from _depths(t)
    yield from _sizes(park, t)
    yield from _offsets(t)


def climbs(t: Table) -> Bools:
    """Return which pipes and channels of known direction end above their start."""
    gravity = np.isin(t.kind.astype(str), GRAVITY_KINDS) & ~t.pressed
    return gravity & t.whole & ~t.assumed & (t.end_m - t.start_m > CLIMB_M)


def turned_round(t: Table) -> Bools:
    """Return which links only make sense the other way round.

    Water that arrives at their end cannot leave it, it could leave their start, and the levels do not speak
    for the direction drawn: a pipe or channel climbs, or any link lies level and nothing feeds its start.
    """
    leaving, arriving = t.leaving(), t.arriving()
    unsure = vague(t)
    rows = np.flatnonzero(t.whole & ~unsure[t.head] & ~unsure[t.tail])
    up, low = t.head[rows], t.tail[rows]
    stuck = (leaving[up] == 0) & ~t.sink[up]
    goes_on = (leaving[low] > 1) | t.sink[low]
    torn = (arriving[up] > 1) & (arriving[low] == 0) & (leaving[low] > 1)
    falls = t.start_m[rows] - t.end_m[rows] > CLIMB_M
    found = np.zeros(len(t.link), bool)
    found[rows[stuck & goes_on & (climbs(t)[rows] | (torn & ~falls))]] = True
    return found


def _slopes(t: Table) -> Iterator[Finding]:
    back = turned_round(t)
    for k in np.flatnonzero(back):
        yield finding("reversed", "link", t.link[k], t.line(k))
    for k in np.flatnonzero(climbs(t) & ~back):
        rise = f"{t.end_m[k] - t.start_m[k]:.2f}"
        yield finding("adverse_slope", "link", t.link[k], t.line(k), value=rise)


def _depths(t: Table) -> Iterator[Finding]:
    depth = t.ground_m - t.invert_m
    depth = np.where(np.isfinite(depth), depth, t.max_depth_m)
    for i in np.flatnonzero((depth < 0) | (depth > DEEPEST_M)):
        yield finding("depth_out_of_range", "node", t.node[i], t.point(i), value=f"{depth[i]:.2f}")
    for column, what in ((t.invert_m, BOTTOM), (t.ground_m, GROUND)):
        for i in np.flatnonzero(~np.isfinite(column)):
            yield finding("missing_level", "node", t.node[i], t.point(i), what=what)


def _sizes(park: Park, t: Table) -> Iterator[Finding]:
    kind, shape = t.kind.astype(str), t.shape.astype(str)
    carries = ~np.isin(kind, STRUCTURES)
    wide = t.width_m > 0
    for k in np.flatnonzero(carries & ~((t.height_m > 0) & (wide | (shape == "circular")))):
        yield finding("missing_size", "link", t.link[k], t.line(k))
    size = np.where(shape == "circular", t.height_m, t.width_m)
    rows = np.flatnonzero(np.isin(kind, GRAVITY_KINDS) & t.whole & ~t.assumed & np.isfinite(size))
    works = [str(f.node) for f in park.facilities]  # a works' own line is no measure for the pipe behind it
    drains = rows[~np.isin(t.node[t.tail[rows]].astype(str), works)]
    largest = _largest_arriving(t, drains, size)
    only = t.leaving()[t.tail[rows]] == 1
    above = largest[t.tail[rows]]
    same = above >= 0
    same &= (shape[rows] == shape[above]) & (kind[rows] == kind[above]) & (t.system[rows] == t.system[above])
    same &= size[rows] < size[above] - SMALLER_M
    for k, j in zip(rows[only & same], above[only & same], strict=True):
        values = {"value": f"{size[k]:.2f}", "limit": f"{size[j]:.2f}"}
        yield finding("shrinks", "link", t.link[k], t.line(k), t.link[j], **values)


def _largest_arriving(t: Table, rows: np.ndarray, size: Floats) -> np.ndarray:
    """Return the row of the largest link that reaches each node, -1 where none does."""
    found = np.full(len(t.node), -1)
    order = rows[np.argsort(size[rows], kind="stable")]
    found[t.head[order]] = order  # the last written, the largest, stays
    return found


def _offsets(t: Table) -> Iterator[Finding]:
    carries = t.whole & ~np.isin(t.kind.astype(str), STRUCTURES)
    room = np.append(t.max_depth_m, np.nan)
    for rows, offset in ((t.start, t.offset_in_m), (t.end, t.offset_out_m)):
        outside = (offset < -OUTSIDE_M) | (offset > room[rows] + OUTSIDE_M)
        for k in np.flatnonzero(carries & outside):
            value = f"{offset[k]:.2f}"
            yield finding("bad_offset", "link", t.link[k], t.line(k), t.node[rows[k]], value=value)
