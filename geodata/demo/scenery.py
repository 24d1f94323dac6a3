"""Gathers what is only looked at into the drawn layers of the park."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from geodata.demo import coast, frame, grounds, plants
from geodata.demo.net import Net

Drawn = tuple[BaseGeometry, Mapping[str, object]]


def scenery(net: Net) -> dict[str, gpd.GeoDataFrame]:
    """Return every drawn layer, in the order it is drawn."""
    layers: dict[str, Iterable[Drawn]] = {
        "land": coast.land(),
        "sea": coast.sea(),
        "flat": coast.flats(),
        "bathymetry": coast.bathymetry(),
        "field": grounds.fields(),
        "green": grounds.greens(),
        "road": grounds.roads(),
        "canal": grounds.canal_water(),
        "parcel": plants.parcel_plots(),
        "plot": plants.plots(),
        "tank": plants.tanks(),
        "pool": plants.pools(),
        "rack": grounds.racks(),
        "dike": coast.dike(),
        "jetty": coast.jetties(),
        "outfall": coast.outfall(net),
        "boundary": grounds.boundary(),
        "label": grounds.labels(),
    }
    return {name: _table(drawn) for name, drawn in layers.items()}


def _table(drawn: Iterable[Drawn]) -> gpd.GeoDataFrame:
    """Place shapes and give every part of a shape of several parts a row of its own."""
    rows: list[Mapping[str, object]] = []
    shapes: list[BaseGeometry] = []
    for shape, row in drawn:
        for part in shapely.get_parts(shape):
            rows.append(row)
            shapes.append(frame.place_shape(part))
    return gpd.GeoDataFrame([dict(r) for r in rows], geometry=shapes, crs=frame.CRS)
