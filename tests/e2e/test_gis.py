"""The OGC service read by GDAL, the reader inside most GIS programs, over a real socket, signed in."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pyogrio
import pytest
import shapely

from geodata.crs import to_lonlat
from geodata.words import Text
from tests.callbacks import stage, story
from tests.e2e.screen import site
from tests.e2e.test_atlas import send
from tests.embedded import Embedded
from tests.geodata.parks import demo_park
from twin.access import Access, Role
from twin.records import Records

pytestmark = pytest.mark.e2e
PARK = demo_park()
ACCOUNT = "gis:quiet water 12"
SOON_S = 60.0


@pytest.fixture
def source(embedded: Embedded) -> Iterator[tuple[str, Embedded]]:
    """The service as GDAL names it, closed to whoever is not signed in."""
    with site(embedded.folder, embedded.url, TWIN_OPEN="") as it:
        records = Records(f"sqlite:///{embedded.folder / 'records.sqlite'}")
        name, password = ACCOUNT.split(":")
        Access(records).add_user(name, Text("制图", "GIS"), Role.VIEWER, password)
        stage.up(embedded.stream(), records, story.story(), incident=False)
        yield f"OAPIF:{it.url}/ogc", embedded
        records.close()


def test_gdal_reads_layers_and_live_values_with_an_account_and_nothing_without(
    source: tuple[str, Embedded],
) -> None:
    service, embedded = source
    with pytest.raises(pyogrio.errors.DataSourceError, match="401"):
        pyogrio.read_dataframe(service, layer="station")
    with pytest.raises(pyogrio.errors.DataSourceError, match="401"):
        pyogrio.read_dataframe(service, layer="station", USERPWD="gis:a guess")
    links = pyogrio.read_dataframe(service, layer="link", USERPWD=ACCOUNT)
    assert sorted(links["id"]) == sorted(PARK.links["id"])
    assert links.crs == "EPSG:4326"
    station = PARK.station("S33")
    found = pyogrio.read_dataframe(service, layer="station", USERPWD=ACCOUNT).set_index("id")
    assert len(found) == len(PARK.stations)
    at = shapely.get_coordinates(found.loc["S33", "geometry"])[0]
    assert np.allclose(at, [float(v) for v in to_lonlat(station.x, station.y, PARK.crs)], atol=1e-6)
    assert found["w01018"].notna().sum() > 60
    west, south, east, north = at[0] - 0.001, at[1] - 0.001, at[0] + 0.001, at[1] + 0.001
    near = pyogrio.read_dataframe(service, layer="station", USERPWD=ACCOUNT, bbox=(west, south, east, north))
    assert "S33" in set(near["id"])
    assert len(near) < 10
    send(embedded.stream(), "S33", "w01018", 77.25, 120)
    until = time.monotonic() + SOON_S
    while time.monotonic() < until:
        found = pyogrio.read_dataframe(service, layer="station", USERPWD=ACCOUNT).set_index("id")
        if found.loc["S33", "w01018"] == 77.25:
            break
        time.sleep(0.2)
    assert found.loc["S33", "w01018"] == 77.25
    gates = pyogrio.read_dataframe(service, layer="gate", USERPWD=ACCOUNT)
    assert set(gates["id"]) == {g.id for g in PARK.gates}
