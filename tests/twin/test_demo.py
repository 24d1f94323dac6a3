"""Starting the demo: one per data folder, children get the same settings, long paths still have a socket."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from twin import demo
from twin.access import Access
from twin.config import Config, load
from twin.errors import ConfigError
from twin.records import Records
from twin.supervisor import free_port


def config(tmp_path: Path, **env: str) -> Config:
    return load({"TWIN_DATA": str(tmp_path), "TWIN_LANG": "en", **env})


def test_children_get_the_same_settings(tmp_path: Path) -> None:
    mine = config(tmp_path, TWIN_PORT="8123", TWIN_DECISION_S="120", TWIN_KEEP_HOURS="2")
    mine = replace(mine, gateway_port=9999)
    theirs = load(demo.environment(mine))
    assert replace(theirs, environment={}) == replace(mine, environment={})


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    short = config(tmp_path)
    assert demo.short_socket(replace(short, data=Path("/tmp/a"))).redis_url == ""
    long = replace(short, data=tmp_path / ("x" * 120))
    moved = demo.short_socket(long)
    assert len(moved.redis.removeprefix("unix://")) < 108
    assert moved.redis == demo.short_socket(long).redis
    real = replace(long, redis_url="redis://example:6379/0")
    assert demo.short_socket(real) == real


def test_demo_users_are_made_once(tmp_path: Path) -> None:
    c = config(tmp_path)
    first = demo.people(c)
    assert {u.name for u in first} == {"duty", "office", "admin", "viewer"}
    records = Records(c.db)
    access = Access(records)
    assert access.authenticate("duty", demo.password("duty")) is not None
    access.add_user("duty", first[0].display, first[0].role, "my own password")
    assert {u.name for u in demo.people(c)} == {"duty", "office", "admin", "viewer"}
    assert access.authenticate("duty", "my own password") is not None
    records.close()


def test_a_data_folder_has_one_demo(tmp_path: Path) -> None:
    c = config(tmp_path)
    with demo.alone(c), pytest.raises(ConfigError, match="TWIN_DATA"), demo.alone(c):
        pass
    with demo.alone(c):
        pass


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_health_is_asked_of_the_page() -> None:
    assert not demo.is_healthy("127.0.0.1", free_port())
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    assert demo.is_healthy("0.0.0.0", server.server_port)
    server.shutdown()
    thread.join(60)
    server.server_close()
