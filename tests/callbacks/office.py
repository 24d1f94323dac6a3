"""An application on a small park, with people who may and may not change it, and survey files to bring in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from starlette.types import ASGIApp

from callbacks.admin_form import Press
from callbacks.admin_park import Parks
from callbacks.app import create_app
from callbacks.pages import Web
from geodata import park as park_file
from tests.geodata import surveys
from tests.twin.parks import tiny_park
from twin.config import load
from twin.park_desk import Work
from twin.park_stage import stage

SIGNED = {"user": "admin", "password": "demo-admin", "reason": "new survey"}


@dataclass(frozen=True)
class Office:
    """The application and what its tabs share."""

    app: ASGIApp
    parks: Parks

    @property
    def web(self) -> Web:
        return self.parks.web


def office(folder: Path) -> Office:
    """Open the office in a folder."""
    present = folder / "present.gpkg"
    park = tiny_park()
    links = park.links.assign(capacity_m3s=0.0, source="", as_of="", confidence="")
    park_file.write(replace(park, links=links), present)
    config = load({"TWIN_DATA": str(folder / "data"), "TWIN_PARK": str(present), "TWIN_OPEN": "1"})
    app = create_app(config)
    parks: Parks = app.state.parks
    parks.web.access.add_demo_users()
    return Office(app, parks)


def survey(folder: Path) -> None:
    """Write the small survey as a contractor does: GBK unsaid, north first, zone before the east."""
    for name, frame in (("WSP", surveys.points("EPSG:4528")), ("WSL", surveys.lines("EPSG:4528"))):
        frame.geometry = [surveys.swap(g) for g in frame.geometry]
        surveys.shapefile(frame, folder / f"{name}.shp")


def read(it: Office, work: Work) -> None:
    """Read the files here and now, as the process of its own does."""
    work.clear()
    work.finish(stage(work, it.web.config.park))


def signing(act: str, **fields: str) -> Press:
    """A press of a button below which an administrator signed."""
    return Press(act, "", SIGNED | fields)
