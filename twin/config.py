"""One frozen `Config`, read from the environment once, by `main`, and passed to everything that needs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

import geodata
from geodata import zone as zones
from twin.errors import ConfigError

SHIPPED = Path(geodata.__file__).parent / "data" / "demo_park.gpkg"


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting of the product, with the defaults of the demo.

    Attributes
    ----------
    data : Path
        Folder of everything that is written: stream, records, history.
    park : Path
        The park's GeoPackage; see `parks`.
    hosts : tuple of str
        More names that this server is reached by, lower case.
    redis_url : str
        Empty: an embedded server on a Unix socket below `data`. `redis://…`, `unix://…` or, of a cluster,
        `redis+cluster://host:port,host:port`; `?shards=N` says over how many streams readings are spread.
    db_url : str
        Empty: SQLite below `data`.
    history_url : str
        Empty: Parquet files below `data`.
    member : str
        Name of this process among those of the same role, where there are several.
    loggers : Path or None
        TOML file of the loggers that may send; None: all may.
    quality : Path or None
        TOML file of the rules by which values count; None: the product's own.
    indicators : Path or None
        TOML file of an enterprise's indicators and their colours; None: the product's own.
    tiles, tiles_over : Path or str or None
        A base map's tiles, and what is drawn above them: see `twin.tiles`.
    tiles_datum : str
        "GCJ-02", "BD-09" or "WGS 84" where there are tiles, else empty.
    walls : Path or None
        TOML file of the walls and what they show; None: the product's own one.
    limits : Path or None
        TOML file of the park's own limits; None: the demo park's.
    doors : Path or None
        TOML file of the doors beside HJ 212 and of upper platforms; None: there are none.
    plc_url, plc_node : str
        `opc.tcp://` address of gate controllers that speak OPC UA, and their node ids with {unit} and {name};
        without an address the controllers speak Modbus TCP at `plc_host` and `plc_port`.
    plc_units : tuple of int
        Units of the gates behind `plc_url`; the others speak Modbus TCP. Empty: all of them are behind it.
    plc_server : Path or None
        Certificate of the server at `plc_url`: its session is then signed and encrypted, and no other server
        is spoken to.
    plc_certificate, plc_key : Path
        Of this side, DER and PEM; made at the first start where they are not there.
    locale : Path or None
        Folder of gettext catalogues with the park's own wordings, as `twin texts` makes it.
    zone : tzinfo
        The park's own time zone.
    decision_s : float
        Time people need from a finished plan to a given command, seconds of park time; in every close-by.
    margin_s, margin_share : float
        The larger of a fixed margin and this share of the early arrival is kept as reserve.
    open : bool
        Anybody who reaches the pages may look without signing in; to act takes a password in any case.
    https : bool
        The pages are reached by https only, so the session's cookie is never sent without it.
    demo : bool
        These are the demo's people, whose passwords may be shown.
    """

    data: Path
    park: Path
    host: str = "127.0.0.1"
    port: int = 8050
    hosts: tuple[str, ...] = ()
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 9212
    plc_host: str = "127.0.0.1"
    plc_port: int = 5502
    plc_url: str = ""
    plc_node: str = "ns=2;s=Gate{unit}.{name}"
    plc_units: tuple[int, ...] = ()
    plc_server: Path | None = None
    plc_certificate: Path = Path("plc.der")
    plc_key: Path = Path("plc.pem")
    redis_url: str = ""
    db_url: str = ""
    history_url: str = ""
    loggers: Path | None = None
    quality: Path | None = None
    indicators: Path | None = None
    limits: Path | None = None
    walls: Path | None = None
    tiles: Path | str | None = None
    tiles_over: Path | str | None = None
    tiles_datum: str = ""
    member: str = "1"
    doors: Path | None = None
    keep_hours: float = 6.0
    decision_s: float = 600.0
    margin_s: float = 300.0
    margin_share: float = 0.1
    open: bool = False
    https: bool = False
    demo: bool = False
    lang: str = "zh"
    locale: Path | None = None
    zone: tzinfo = zones.CHINA
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def parks(self) -> tuple[Path, ...]:
        """Where the park may lie: the first that is there counts, and a new version is put at the first.

        The file that came with the program is never written to; a version of it that people saved lies below
        `data`.
        """
        return (self.data / "park.gpkg", self.park) if self.park == SHIPPED else (self.park,)

    @property
    def versions(self) -> Path:
        """Folder of every version of the park that was saved; see `geodata.versions.Store`."""
        return self.data / "versions"

    @property
    def flows(self) -> Path:
        """Folder of what engines said of model files; see `twin.hydraulics.kept`."""
        return self.data / "flows"

    @property
    def redis(self) -> str:
        """URL of the stream server; the embedded one's socket if nothing is set."""
        return self.redis_url or f"unix://{self.socket}"

    @property
    def socket(self) -> Path:
        """Socket of the embedded server. The path must stay below the 108 bytes a Unix socket allows."""
        return self.data / "redis.sock"

    @property
    def db(self) -> str:
        """URL of the records."""
        return self.db_url or f"sqlite:///{self.data / 'records.sqlite'}"

    @property
    def history(self) -> str:
        """Folder or URL of the Parquet history."""
        return self.history_url or str(self.data / "history")


def load(env: Mapping[str, str] | None = None) -> Config:
    """Read every `TWIN_*` setting.

    Raises
    ------
    ConfigError
        A value cannot be used; the message names the variable and the mend.
    """
    e = os.environ if env is None else env
    data = Path(e.get("TWIN_DATA", ".twin")).absolute()
    return Config(
        data=data,
        park=Path(e.get("TWIN_PARK") or SHIPPED).absolute(),
        host=e.get("TWIN_HOST", "127.0.0.1"),
        hosts=_list(e, "TWIN_HOSTS"),
        port=_port(e, "TWIN_PORT", 8050),
        gateway_host=e.get("TWIN_GATEWAY_HOST", "127.0.0.1"),
        gateway_port=_port(e, "TWIN_GATEWAY_PORT", 9212),
        plc_host=e.get("TWIN_PLC_HOST", "127.0.0.1"),
        plc_port=_port(e, "TWIN_PLC_PORT", 5502),
        plc_url=e.get("TWIN_PLC_URL", ""),
        plc_node=e.get("TWIN_PLC_NODE") or "ns=2;s=Gate{unit}.{name}",
        plc_units=_units(e, "TWIN_PLC_UNITS"),
        plc_server=_path(e, "TWIN_PLC_SERVER_CERTIFICATE"),
        plc_certificate=_path(e, "TWIN_PLC_CERTIFICATE") or data / "plc.der",
        plc_key=_path(e, "TWIN_PLC_KEY") or data / "plc.pem",
        redis_url=e.get("TWIN_REDIS_URL", ""),
        db_url=e.get("TWIN_DB_URL", ""),
        history_url=e.get("TWIN_HISTORY_URL", ""),
        loggers=_path(e, "TWIN_LOGGERS"),
        limits=_path(e, "TWIN_LIMITS"),
        walls=_path(e, "TWIN_WALLS"),
        tiles=_tiles(e, "TWIN_TILES"),
        tiles_over=_tiles(e, "TWIN_TILES_OVER"),
        tiles_datum=_datum(e) if e.get("TWIN_TILES") else "",
        member=e.get("TWIN_MEMBER") or "1",
        doors=_path(e, "TWIN_DOORS"),
        quality=_path(e, "TWIN_QUALITY"),
        indicators=_path(e, "TWIN_INDICATORS"),
        keep_hours=_number(e, "TWIN_KEEP_HOURS", 6.0),
        decision_s=_number(e, "TWIN_DECISION_S", 600.0),
        margin_s=_number(e, "TWIN_MARGIN_S", 300.0),
        margin_share=_number(e, "TWIN_MARGIN_SHARE", 0.1),
        open=_yes(e, "TWIN_OPEN"),
        https=_yes(e, "TWIN_HTTPS"),
        demo=_yes(e, "TWIN_DEMO"),
        lang="en"
        if (e.get("TWIN_LANG") or e.get("LC_ALL") or e.get("LANG") or "").startswith("en")
        else "zh",
        locale=_path(e, "TWIN_LOCALE"),
        zone=_zone(e),
        environment=dict(e),
    )


def _zone(env: Mapping[str, str]) -> tzinfo:
    try:
        return zones.named(env.get("TWIN_ZONE") or zones.NAME)
    except ValueError:
        raise ConfigError(
            f"TWIN_ZONE={env['TWIN_ZONE']!r} is no time zone: set it to a name such as Asia/Shanghai"
        ) from None


def _units(env: Mapping[str, str], name: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in _list(env, name))
    except ValueError:
        raise ConfigError(f"{name}={env[name]!r}: set it to numbers with commas, such as 12,13") from None


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]).absolute() if env.get(name) else None


def _tiles(env: Mapping[str, str], name: str) -> Path | str | None:
    """Return a folder or a file; an address as it is."""
    said = env.get(name, "")
    if not said.startswith(("http://", "https://")):
        return _path(env, name)
    if missing := [part for part in ("{z}", "{x}", "{y}") if part not in said]:
        raise ConfigError(
            f"{name}={said!r} lacks {', '.join(missing)}: such as https://host/{{z}}/{{x}}/{{y}}.png"
        )
    try:
        said.format(z=0, x=0, y=0, s=0)
    except (LookupError, ValueError, AttributeError):
        raise ConfigError(
            f"{name}={said!r}: use {{z}}, {{x}}, {{y}} and {{s}}, and no other braces"
        ) from None
    return said


def _yes(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").strip().lower()
    if value not in ("", "0", "1", "no", "yes"):
        raise ConfigError(f"{name}={value!r} is neither yes nor no: set {name} to 1 or 0")
    return value in ("1", "yes")


def _datum(env: Mapping[str, str]) -> str:
    said = env.get("TWIN_TILES_DATUM", "GCJ-02")
    names = {"GCJ02": "GCJ-02", "BD09": "BD-09", "WGS84": "WGS 84"}
    try:
        return names[said.upper().replace("-", "").replace(" ", "")]
    except KeyError:
        raise ConfigError(f"TWIN_TILES_DATUM={said!r}: set it to GCJ-02, BD-09 or WGS84") from None


def _list(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in env.get(name, "").split(",") if part.strip())


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    value = _number(env, name, default)
    if value != int(value) or not 1 <= value <= 65535:
        raise ConfigError(
            f"{name}={env[name]!r} is not a port number: set {name} to a whole number, 1 to 65535"
        )
    return int(value)


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "")
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"{name}={text!r} is not a number: set {name} to one, for example {default:g}"
        ) from None
