"""The live feed: one reader per process folds the stream into levels and sends at most one frame a second.

Frames are JSON on the WebSocket `/live`. The first is a snapshot, then deltas; `seq` counts frames, so a client
that sees a gap sends ``snap`` and gets a new snapshot.

==============  ====================================================================================
member          meaning
==============  ====================================================================================
t               "snap" or "delta"
seq             number of the frame
ts              park time, epoch ms, and `wall` the wall clock at the same moment
points          (snap) [[station, factor], ...]: the fixed order of all arrays
stations        (snap) [station, ...]: the order of `sl`
i, v, l, at     indices of changed points with values, levels, moments (park ms); all points in a snapshot
si, sl          indices of changed stations with their worst levels
kpi             online, total, frames, rejects, levels [offline ... critical], open (number of open
                incidents), speed, drill, scenario, stream (bool: the stream answers), data_ms (wall ms of the
                last block), revision
gates           {gate: [position 0..1 or null, "open" | "closed" | "moving" | "failed" | "unknown"]}
incidents       [id, ...]: open ones
build           version of the program and park; a page that sees it change reloads itself
==============  ====================================================================================
"""

from __future__ import annotations
