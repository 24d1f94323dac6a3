"""Settings are read once, and a wrong one names itself and its mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.config import load
from twin.errors import ConfigError


def test_nothing_set_gives_the_demo() -> None:
    config = load({})
    assert config.port == 8050
    assert config.redis == f"unix://{config.data / 'redis.sock'}"
    assert config.db.startswith("sqlite:///")
    assert config.park.name == "demo_park.gpkg"
    assert config.lang == "zh"


def test_every_setting_is_read(tmp_path: Path) -> None:
    env = {
        "TWIN_DATA": str(tmp_path),
        "TWIN_PORT": "8051",
        "TWIN_GATEWAY_PORT": "9000",
        "TWIN_PLC_PORT": "5503",
        "TWIN_REDIS_URL": "redis://127.0.0.1:1/0",
        "TWIN_DB_URL": "postgresql://db",
        "TWIN_HISTORY_URL": "s3://bucket",
        "TWIN_DECISION_S": "120.5",
        "TWIN_HOSTS": "Twin.Park.local, other,",
        "TWIN_LIMITS": str(tmp_path / "limits.toml"),
        "TWIN_TILES": str(tmp_path),
        "TWIN_TILES_DATUM": "wgs84",
        "LANG": "en_GB.UTF-8",
    }
    config = load(env)
    assert (config.port, config.gateway_port, config.plc_port) == (8051, 9000, 5503)
    assert (config.redis, config.db, config.history) == (
        "redis://127.0.0.1:1/0",
        "postgresql://db",
        "s3://bucket",
    )
    assert config.decision_s == 120.5
    assert config.hosts == ("twin.park.local", "other")
    assert config.limits == tmp_path / "limits.toml"
    assert (config.tiles, config.tiles_datum) == (tmp_path, "WGS 84")
    assert load({"TWIN_TILES": "t"}).tiles_datum == "GCJ-02"
    assert load({"TWIN_TILES": "t", "TWIN_TILES_DATUM": "bd09"}).tiles_datum == "BD-09"
    with pytest.raises(ConfigError, match="TWIN_TILES_DATUM"):
        load({"TWIN_TILES": "t", "TWIN_TILES_DATUM": "Beijing 54"})
    server = "https://t{s}.example.cn/img?x={x}&y={y}&l={z}"
    assert load({"TWIN_TILES": server}).tiles == server
    with pytest.raises(ConfigError, match=r"TWIN_TILES_OVER.*lacks \{y\}"):
        load({"TWIN_TILES_OVER": "https://example.cn/{z}/{x}.png"})
    with pytest.raises(ConfigError, match="no other braces"):
        load({"TWIN_TILES": "https://example.cn/{z}/{x}/{y}{r}.png"})
    assert config.lang == "en"


def test_the_shipped_park_is_never_written_to(tmp_path: Path) -> None:
    demo = load({"TWIN_DATA": str(tmp_path)})
    assert demo.parks == (tmp_path / "park.gpkg", demo.park)
    assert load({"TWIN_PARK": str(demo.park), "TWIN_DATA": str(tmp_path)}).parks == demo.parks
    own = load({"TWIN_PARK": str(tmp_path / "mine.gpkg")})
    assert own.parks == (tmp_path / "mine.gpkg",)


@pytest.mark.parametrize(
    ("name", "value"), [("TWIN_PORT", "eighty"), ("TWIN_PORT", "70000"), ("TWIN_MARGIN_S", "x")]
)
def test_a_wrong_setting_names_itself(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load({name: value})
