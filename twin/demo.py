"""`twin demo`: the whole product on the demo park, every role under one supervisor."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import signal
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from geodata.words import Text, as_lang
from twin.access import Access, User
from twin.config import Config
from twin.embedded import wait_until_up
from twin.errors import ConfigError, UnavailableError
from twin.records import Records
from twin.supervisor import Role, Supervisor, check_ports, free_port

SPEED = 10.0  # an incident in about a minute and a half, and a minute for two people to read and sign
PAST_HOURS = 24.0
OPCUA_UNITS = (12, 13)  # the middle and southern sea gates of the demo park
UP_TIMEOUT_S = 90.0
LONGEST_SOCKET = 100  # bytes; the kernel's limit for a Unix socket's path is 108
LOOK_EVERY_S = 0.1


def run(config: Config, scenario: str, speed: float, seed: int, *, browser: bool = True) -> int:
    """Start everything, tell the address, and look after it until Ctrl-C or SIGTERM; returns the exit code.

    Raises
    ------
    ConfigError
        A port is taken or the data folder is in use; the message names the mend.
    """
    with stopping() as stop, alone(config):
        check_ports(config)
        embedded = not config.redis_url
        config = with_opcua(replace(short_socket(config), open=True, demo=True))
        users = people(config)
        supervisor = Supervisor(environment(config), config.data / "logs", lambda t: tell(config, t))
        try:
            start_roles(supervisor, config, _sim_words(scenario, speed, seed), embedded=embedded)
            supervisor.start(Role("web", ("web",)))
            if not wait_for_page(config, supervisor, stop):
                return 0 if stop else 1
            _announce(config, users, scenario, speed)
            if browser and has_display(config):
                webbrowser.open(address(config))
            while not stop:
                supervisor.tick()
                time.sleep(LOOK_EVERY_S)
        finally:
            supervisor.stop()
    tell(config, Text("已全部停止", "everything has stopped"))
    return 0


def _sim_words(scenario: str, speed: float, seed: int) -> tuple[str, ...]:
    return (
        *("sim", "--scenario", scenario, "--speed", f"{speed:g}", "--seed", str(seed)),
        *("--past-hours", f"{PAST_HOURS:g}"),
    )


def start_roles(
    supervisor: Supervisor, config: Config, sim: tuple[str, ...], *, embedded: bool = True
) -> None:
    """Start the stream server unless a real one is used, then every role but the pages.

    The world begins early: it needs a moment to fill its canals, and it owns the clock.
    """
    if embedded:
        supervisor.start(Role("redis", ("redis",)))
    wait_until_up(config.redis, 20.0)
    supervisor.start(Role("sim", sim))
    for name in ("gateway", *_door_roles(config), "watch", "advise"):
        supervisor.start(Role(name, (name,)))


def _door_roles(config: Config) -> tuple[str, ...]:
    if config.doors is None:
        return ()
    from twin.ingest.doors import load  # brings every door's library, which a park without doors never needs

    return load(config.doors).roles


def environment(config: Config) -> dict[str, str]:
    """Return the environment that gives a child the same configuration."""
    return {
        **config.environment,
        "TWIN_DATA": str(config.data),
        "TWIN_PARK": str(config.park),
        "TWIN_HOST": config.host,
        "TWIN_PORT": str(config.port),
        "TWIN_GATEWAY_HOST": config.gateway_host,
        "TWIN_GATEWAY_PORT": str(config.gateway_port),
        "TWIN_PLC_HOST": config.plc_host,
        "TWIN_PLC_PORT": str(config.plc_port),
        "TWIN_PLC_URL": config.plc_url,
        "TWIN_PLC_NODE": config.plc_node,
        "TWIN_PLC_UNITS": ",".join(map(str, config.plc_units)),
        "TWIN_PLC_SERVER_CERTIFICATE": str(config.plc_server or ""),
        "TWIN_REDIS_URL": config.redis_url,
        "TWIN_DB_URL": config.db_url,
        "TWIN_HISTORY_URL": config.history_url,
        "TWIN_LANG": config.lang,
        "TWIN_OPEN": str(int(config.open)),
        "TWIN_DEMO": str(int(config.demo)),
    }


def short_socket(config: Config) -> Config:
    """Move the stream server's socket to the temporary folder where the data folder's path is too long."""
    if config.redis_url or len(os.fsencode(config.socket)) <= LONGEST_SOCKET:
        return config
    mark = hashlib.sha256(os.fsencode(config.data)).hexdigest()[:12]
    return replace(config, redis_url=f"unix://{tempfile.gettempdir()}/twin-{mark}.sock")


def with_opcua(config: Config) -> Config:
    """Put the sea gates behind an OPC UA server of the drill's own, unless gates are behind one already."""
    if config.plc_url:
        return config
    url = f"opc.tcp://127.0.0.1:{free_port()}/gates"
    return replace(config, plc_url=url, plc_units=OPCUA_UNITS, plc_server=config.data / "gates.der")


def people(config: Config) -> list[User]:
    """Create the records and the demo's users; users that are there keep their passwords."""
    config.data.mkdir(parents=True, exist_ok=True)
    records = Records(config.db)
    try:
        records.create()
        access = Access(records)
        return access.users() or access.add_demo_users()
    finally:
        records.close()


def password(name: str) -> str:
    """Return a demo user's password; it is printed at the start and no secret."""
    return f"demo-{name}"


@contextmanager
def stopping() -> Iterator[list[signal.Signals]]:
    """Give a list that fills when somebody wants the end: Ctrl-C, SIGTERM, a closed terminal."""
    asked: list[signal.Signals] = []
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {k: signal.signal(k, lambda number, _: asked.append(signal.Signals(number))) for k in kinds}
    try:
        yield asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def alone(config: Config) -> Iterator[None]:
    """Hold the data folder for this process alone."""
    config.data.mkdir(parents=True, exist_ok=True)
    with (config.data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                Text(
                    "{data} 正被另一个 twin demo 使用：请先停止它，或设置 TWIN_DATA",
                    "{data} is in use by another twin demo: stop that one, or set TWIN_DATA",
                )
                .fill(data=config.data)
                .say(as_lang(config.lang))
            ) from None
        yield


def wait_for_page(config: Config, supervisor: Supervisor, stop: list[signal.Signals]) -> bool:
    """Look after the roles until the pages answer; False if somebody wants the end before.

    Raises
    ------
    UnavailableError
        They do not answer in time.
    """
    deadline = time.monotonic() + UP_TIMEOUT_S
    while not stop and time.monotonic() < deadline:
        supervisor.tick()
        if is_healthy(config.host, config.port):
            return True
        time.sleep(LOOK_EVERY_S)
    if not stop:
        raise UnavailableError(
            Text(
                "页面在 {s:g} 秒内没有就绪；日志在 {logs}",
                "the pages are not up after {s:g} s; the logs are in {logs}",
            )
            .fill(s=UP_TIMEOUT_S, logs=config.data / "logs")
            .say(as_lang(config.lang))
        )
    return False


def is_healthy(host: str, port: int) -> bool:
    """Tell whether the pages answer."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=2.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def address(config: Config) -> str:
    """Return where the pages are."""
    host = _reachable(config.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.port}"


def has_display(config: Config) -> bool:
    """Tell whether a browser could be shown here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(config.environment.get("DISPLAY") or config.environment.get("WAYLAND_DISPLAY"))


def _announce(config: Config, users: list[User], scenario: str, speed: float) -> None:
    tell(
        config,
        Text(
            "演示园区已就绪：{url}\n情景 {scenario}，园区时间为 {speed:g} 倍速；按 Ctrl-C 结束",
            "the demo park is up: {url}\nscenario {scenario}, {speed:g} times real time; Ctrl-C ends it",
        ).fill(url=address(config), scenario=scenario, speed=speed),
    )
    line = Text(
        "  用户 {name:<8}密码 {password:<14}{display}", "  user {name:<8}password {password:<14}{display}"
    )
    for user in users:
        tell(config, line.fill(name=user.name, password=password(user.name), display=user.display))


def tell(config: Config, text: Text) -> None:
    """Say a sentence on standard output, in the reader's language."""
    sys.stdout.write(text.say(as_lang(config.lang)) + "\n")
    sys.stdout.flush()
