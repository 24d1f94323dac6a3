"""Draws what is only looked at: coast, canals as water, roads, plots, tanks, racks."""

from __future__ import annotations

import geopandas as gpd

from geodata.demo import frame
from geodata.demo.layout import parcels
from geodata.demo.net import Net


def scenery(net: Net) -> dict[str, gpd.GeoDataFrame]:
    """Return every drawn layer."""
    plots = parcels()
    parcel = gpd.GeoDataFrame(
        {"enterprise": [p.owner for p in plots]},
        geometry=[frame.place_shape(frame.rect(p.u0, p.v0, p.u1, p.v1)) for p in plots],
        crs=frame.CRS,
    )
    return {"parcel": parcel}
