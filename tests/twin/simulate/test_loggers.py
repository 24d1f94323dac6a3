"""Loggers write frames that the platform's own reader takes without a single deviation."""

from __future__ import annotations

import pytest

from geodata.places import Station, StationKind
from geodata.words import Text
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.simulate.instruments import Fault
from twin.simulate.loggers import FAST_CLOCK, HOUR_MS, Frame, Logger, Vendor

START = 1_795_284_000_000  # 2026-11-22 02:00 local
FACTORS = ("w00000", "w01001", "w01018", "w21003")
WATER = {"w00000": 20.0, "w01001": 7.4, "w01018": 200.0, "w21003": 12.0}


def station(mn: str = "320990CA00015A0000000001", factors: tuple[str, ...] = FACTORS) -> Station:
    name = Text("一号", "One")
    return Station("S01", name, StationKind.OUTLET, mn, "N1", factors, 60, "permit", "E01", 0.0, 0.0)


def read(frames: list[Frame]) -> list[Packet]:
    packets = Reader().feed(b"".join(f.raw for f in frames))
    assert all(isinstance(p, Packet) for p in packets)
    return [p for p in packets if isinstance(p, Packet)]


def run(logger: Logger, seconds: int, step: int = 20) -> list[Frame]:
    frames: list[Frame] = []
    for s in range(0, seconds, step):
        frames += logger.observe(START + s * 1000, WATER)
    return frames


def test_one_frame_a_minute_ten_minutes_and_hour() -> None:
    frames = run(Logger(station()), 3 * 3600 + 60)
    count = {cn: sum(f.cn == cn for f in frames) for cn in ("2011", "2051", "2061")}
    assert count == {"2011": 180, "2051": 18, "2061": 3}
    packets = read(frames)
    assert len({p.qn for p in packets}) == len(packets)
    assert all(p.deviations == () and p.need_ack and p.version_bits == 1 for p in packets)
    hours = [p for p in packets if p.cn == "2061"]
    assert [p.data_time_ms for p in hours] == [START + h * HOUR_MS for h in range(3)]
    assert float(hours[1].value("w00000-Cou") or 0) == pytest.approx(20 * 3.6, rel=0.1)
    assert float(hours[1].value("w01018-Cou") or 0) == pytest.approx(72 * 0.2, rel=0.15)
    assert float(hours[1].value("w01018-Avg") or 0) == pytest.approx(200, rel=0.15)
    assert hours[1].value("w01001-Cou") is None


def test_an_old_logger_speaks_2005() -> None:
    packets = read(run(Logger(station(mn="88320990000004")), 1300))
    assert {p.version_bits for p in packets} == {0}
    assert all(p.need_ack for p in packets)
    assert packets[0].value("011-Rtd") is not None
    assert packets[0].value("w01018-Rtd") is None


def test_a_wrong_clock_says_so_in_every_frame() -> None:
    right, wrong = run(Logger(station()), 200), run(Logger(station(), vendor=FAST_CLOCK), 200)
    for a, b in zip(read(right), read(wrong), strict=True):
        assert (b.data_time_ms or 0) - (a.data_time_ms or 0) == FAST_CLOCK.skew_ms


def test_same_seed_same_frames_other_seed_other_noise() -> None:
    assert run(Logger(station(), 3), 600) == run(Logger(station(), 3), 600)
    assert run(Logger(station(), 3), 600) != run(Logger(station(), 4), 600)


def test_the_past_is_minutes_and_hours_only_and_joins_the_present() -> None:
    logger = Logger(station())
    past = logger.past(START - 2 * HOUR_MS, START, WATER)
    assert sorted({f.cn for f in past}) == ["2051", "2061"]
    joined = past + run(logger, 1200)
    minutes = [f.at_ms for f in joined if f.cn == "2051"]
    assert minutes == [START - 2 * HOUR_MS + i * 600_000 for i in range(13)]
    assert len({f.qn for f in joined}) == len(joined)


def test_faults_are_seen_and_marked() -> None:
    def values(kind: str) -> list[tuple[float, str]]:
        fault = Fault("S01", "w01018", kind, START + 600_000, START + 1_200_000, 5.0)  # type: ignore[arg-type]
        packets = read([f for f in run(Logger(station(), faults=(fault,)), 1900) if f.cn == "2011"])
        return [(float(p.value("w01018-Rtd") or -1), p.value("w01018-Flag") or "") for p in packets]

    assert {flag for _, flag in values("silent")[11:19]} == {"B"}
    assert len({v for v, _ in values("frozen")[11:19]}) == 1
    assert min(v for v, _ in values("offset")[11:19]) > 700
    assert max(v for v, _ in values("offset")[21:]) < 300


def test_instruments_calibrate_once_a_day_and_say_so() -> None:
    logger = Logger(station(), vendor=Vendor("x"))
    flags = [p.value("w01018-Flag") for p in read([f for f in run(logger, 86_400, 60) if f.cn == "2011"])]
    assert 5 <= flags.count("C") <= 7
    assert flags.count("N") == len(flags) - flags.count("C")
