"""Several walls from a file: what each shows, and complaints that name file, wall and member."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import wall, wall_screens
from callbacks.pages import Visit
from callbacks.wall_screens import PANELS, ROOM, USUAL, Walls, load
from layers.map import LAYERS
from tests.callbacks import story
from tests.callbacks.words import classed, prop, text, walk
from twin.errors import ConfigError

CANALS = """
[[wall]]
screen = "canals"
name = ["河网屏", "Canals"]
left = []
right = ["gates", "alarms"]
turn_s = 12
incident = false
quiet_hour = 3

[[wall.view]]
name = ["北", "North"]
hide = ["pipe", "rack"]
fit = [120.1, 33.0, 120.2, 33.1]

[[wall.view]]
name = "South"

[[wall]]
screen = "office"
name = ["值班室", "Office"]
"""


def web(walls: Walls) -> Any:
    return SimpleNamespace(park=story.demo_park(), walls=walls)


@pytest.fixture
def walls(tmp_path: Path) -> Walls:
    path = tmp_path / "walls.toml"
    path.write_text(CANALS, "utf-8")
    return load(path)


def test_without_a_file_there_is_the_products_own_wall() -> None:
    assert load(None).find("") == USUAL
    assert {*USUAL.left, *USUAL.right} == set(PANELS)
    for side in (USUAL.left, USUAL.right):
        assert sum(PANELS[p] for p in side) <= ROOM
    for view in USUAL.views:
        assert set(view.hide) <= set(LAYERS)


def test_the_first_wall_is_shown_without_a_name(walls: Walls) -> None:
    canals, office = walls
    assert walls.find("") == walls.find("canals") == canals
    assert (canals.right, canals.turn_s, canals.incident, canals.quiet_hour) == (
        ("gates", "alarms"),
        12.0,
        False,
        3,
    )
    assert canals.views[0].fit == (120.1, 33.0, 120.2, 33.1)
    assert (office.left, office.views, office.incident) == (USUAL.left, USUAL.views, True)
    assert walls.find("nothing") is None


@pytest.mark.parametrize("screen", ["canals", "office"])
def test_a_wall_holds_its_panels_and_every_part_that_callbacks_fill(walls: Walls, screen: str) -> None:
    made = wall.layout(web(walls), Visit("/wall", screen, {}, "zh"))
    ids = {n.id for n in walk(made) if isinstance(getattr(n, "id", None), str)}
    assert {*wall.QUICK, *wall.SLOW, *wall.TAKEN} - {"wl-head"} <= ids
    shown = [n for name in ("wl-left", "wl-right") for n in walk(classed(made, name)[0])]
    drawn = {n.id for n in shown if isinstance(getattr(n, "id", None), str)}
    assert ("wl-trans" in drawn) == (screen == "office")
    assert "wl-gates" in drawn
    assert ("no-left" in made.className) == (screen == "canals")
    head = wall.header(web(walls), Visit("/wall", screen, {}, "zh"))
    tabs = [prop(n, "data-view") for n in walk(head) if prop(n, "data-view")]
    assert len(tabs) == len(walls.find(screen).views)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_wall_that_is_not_there_says_which_are(walls: Walls, lang: Any) -> None:
    said = text(wall.layout(web(walls), Visit("/wall", "east", {}, lang)))
    assert "east" in said
    assert "/wall/canals" in said
    assert wall.header(web(walls), Visit("/wall", "east", {}, lang)) is None


@pytest.mark.parametrize(
    ("line", "wrong", "said"),
    [
        ('left = ["clock"]', "wall 1, left", "there is no 'clock': use verdict"),
        ('left = ["gates", "gates"]', "wall 1, left", "twice"),
        ('left = ["alarms"]', "wall 1, right", "alarms stands on the left already"),
        (
            f"left = {[*USUAL.left, 'alarms']}\nright = []",
            "left",
            "too high",
        ),
        ('screen = "a b"', "wall 1, screen", "letters, digits"),
        ('name = ["河"]', "wall 1, name", "Chinese and English"),
        ("turn_s = 1", "wall 1, turn_s", "from 5 to 3600"),
        ("incident = 1", "wall 1, incident", "true or false"),
        ("quiet_hour = 4.5", "wall 1, quiet_hour", "whole number"),
        ("colour = 3", "wall 1, colour", "there is no such setting"),
        ('[[wall.view]]\nname = ["a", "b"]\nhide = ["pipes"]', "wall 1, view 1, hide", "there is no 'pipes'"),
        ('[[wall.view]]\nname = ["a", "b"]\nfit = [1, 2, 0, 3]', "wall 1, view 1, fit", "[west, south"),
    ],
)
def test_a_mistake_is_told_with_file_wall_and_member(
    tmp_path: Path, line: str, wrong: str, said: str
) -> None:
    path = tmp_path / "walls.toml"
    given = {"screen": '"a"', "name": '["甲", "A"]'}
    rest = "\n".join(f"{k} = {v}" for k, v in given.items() if not line.startswith(f"{k} "))
    path.write_text(f"[[wall]]\n{rest}\n{line}\n", "utf-8")
    with pytest.raises(ConfigError) as error:
        load(path)
    message = str(error.value)
    assert str(path) in message
    assert wrong in message
    assert said in message


def test_a_file_without_walls_is_refused(tmp_path: Path) -> None:
    for body, said in (("", "names no wall"), ("[[wall]", "cannot be read"), (CANALS + CANALS, "twice")):
        path = tmp_path / "walls.toml"
        path.write_text(body, "utf-8")
        with pytest.raises(ConfigError, match=said):
            load(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
    assert "no wall" in wall_screens.unknown(Walls(), "x", "en")
