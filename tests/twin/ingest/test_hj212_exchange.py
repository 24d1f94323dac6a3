"""One request and what a device says to it, step by step and with the time in the test's hands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twin.ingest.hj212.exchange import End, Exchange, Outcome, Party, Patience
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.requests import get_time, history, instrument, parse, set_real_time_interval
from twin.ingest.hj212.times import qn as qn_text
from twin.ingest.hj212.write import Dialect, Group, Message, frames

MN = "010000A8900016F000169DC0"
AT = 1_717_200_000_000
QN = qn_text(AT)
HOUR = 3_600_000
USUAL = Patience()


def read(data: bytes) -> Packet:
    (packet,) = Reader(tolerant=True).feed(data)
    assert isinstance(packet, Packet)
    return packet


def word(cn: str, code: str = "", qn: str | None = QN, dialect: Dialect = 2017, mn: str = MN) -> Packet:
    """9011, 9012 or 9013 as a device of that age sends it."""
    groups: list[Group] = []
    if dialect == 2005:
        groups, qn = [[("QN", qn or "")]], None
    if code:
        groups.append([({"9011": "QnRtn", "9012": "ExeRtn"}[cn], code)])
    return read(frames(Message("91", cn, "123456", mn, qn, groups, dialect=dialect))[0])


def data(cn: str, at_ms: int, qn: str | None = QN, name: str = "w01018-Avg") -> Packet:
    from twin.ingest.hj212.times import stamp

    groups: list[Group] = [[("DataTime", stamp(at_ms))], [(name, "1.5")]]
    return read(frames(Message("32", cn, "123456", MN, qn, groups, ack=True))[0])


def begun(text: str, patience: Patience = USUAL) -> Exchange:
    exchange = Exchange(parse(text), Party(MN), QN, patience)
    exchange.start(0.0)
    return exchange


def ended(exchange: Exchange) -> Outcome:
    assert exchange.outcome is not None
    return exchange.outcome


def test_the_frame_is_the_standards_own_example() -> None:
    party = Party(MN, "32", "100000")
    exchange = Exchange(set_real_time_interval(30), party, "20160801085857223")
    assert exchange.start(0.0) == (
        b"##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
        b"CP=&&RtdInterval=30&&1C80\r\n"
    )
    party = Party(MN, "32", "123456", 2025)
    assert Exchange(get_time(), party, "20240601085857223").start(0.0) == (
        b"##0087QN=20240601085857223;ST=32;CN=1011;PW=123456;MN=010000A8900016F000169DC0;Flag=9;CP=&&&&2200\r\n"
    )


def test_a_setting_is_answered_and_done() -> None:
    exchange = begun("CN=1062;RtdInterval=60")
    assert exchange.take(word("9011", "1"), 1.0)
    assert exchange.outcome is None
    assert exchange.take(word("9012", "1"), 3.0)
    got = ended(exchange)
    assert (got.end, got.qn_rtn, got.exe_rtn, got.sent, got.seconds, got.odd) == (
        End.DONE,
        "1",
        "1",
        1,
        3.0,
        (),
    )
    assert not exchange.take(word("9012", "1"), 4.0)


def test_history_collects_what_belongs_to_it() -> None:
    exchange = Exchange(history("2061", AT, AT + 2 * HOUR), Party(MN), QN)
    exchange.start(0.0)
    assert exchange.take(word("9011", "1"), 0.1)
    assert exchange.take(data("2061", AT), 0.2)
    assert exchange.take(data("2061", AT + HOUR, qn_text(AT + 5)), 0.3)  # counts its QN up
    assert not exchange.take(data("2061", AT - HOUR, qn_text(AT + 6)), 0.4)  # was due anyway
    assert not exchange.take(data("2051", AT), 0.5)
    assert exchange.take(word("9012", "1"), 0.6)
    got = ended(exchange)
    assert (got.end, got.frames) == (End.DONE, 2)
    assert got.items[:2] == (("DataTime", "20240601080000"), ("w01018-Avg", "1.5"))


def test_no_data_is_no_failure() -> None:
    exchange = begun("CN=2031;BeginTime=20240101000000;EndTime=20240102000000")
    exchange.take(word("9011", "1"), 0.1)
    exchange.take(word("9012", "100"), 0.2)
    assert ended(exchange).end is End.NO_DATA


def test_refused_and_failed_say_why() -> None:
    refused = begun("CN=1072;NewPW=abc")
    refused.take(word("9011", "3"), 0.1)
    assert (ended(refused).end, ended(refused).said().en) == (End.REFUSED, "wrong PW")
    failed = begun("CN=3011;PolId=w01018")
    failed.take(word("9011", "1"), 0.1)
    failed.take(word("9012", "5"), 0.2)
    assert (ended(failed).end, ended(failed).said().en) == (End.FAILED, "busy")


def test_words_of_2005_have_their_qn_in_the_data_area() -> None:
    exchange = Exchange(set_real_time_interval(60), Party(MN, dialect=2005), QN)
    assert b"Flag=1;" in exchange.start(0.0)
    assert not exchange.take(word("9011", "1", qn_text(AT + 1), 2005), 0.1)
    assert exchange.take(word("9011", "1", dialect=2005), 0.1)
    assert exchange.take(word("9012", "1", dialect=2005), 0.2)
    assert (ended(exchange).end, ended(exchange).odd) == (End.DONE, ())


def test_a_word_without_any_qn_counts_and_is_noted() -> None:
    exchange = begun("CN=1062;RtdInterval=60")
    assert exchange.take(word("9011", "1", None), 0.1)
    assert exchange.take(word("9012", "1", None), 0.2)
    assert (ended(exchange).end, ended(exchange).odd) == (End.DONE, ("qn_missing",))


def test_a_device_that_leaves_9011_out() -> None:
    exchange = begun("CN=1061")
    reply = frames(Message("32", "1061", "123456", MN, QN, [[("RtdInterval", "30")]]))[0]
    assert exchange.take(read(reply), 0.1)
    assert exchange.take(word("9012", "1"), 0.2)
    got = ended(exchange)
    assert (got.end, got.items, got.odd) == (End.DONE, (("RtdInterval", "30"),), ("answer_9011_missing",))


def test_real_time_is_done_when_the_flow_begins() -> None:
    exchange = begun("CN=2011")
    assert not exchange.take(data("2011", AT, qn_text(AT + 1)), 0.1)  # before it said yes: was due anyway
    exchange.take(word("9011", "1"), 0.2)
    assert exchange.take(data("2011", AT, qn_text(AT + 2)), 0.3)
    assert ended(exchange).end is End.DONE


def test_a_notice_is_done_by_its_answer() -> None:
    exchange = begun("CN=2012")
    assert exchange.take(word("9013"), 0.1)
    assert ended(exchange).end is End.DONE
    other = begun("CN=2011")
    assert not other.take(word("9013"), 0.1)


def test_silence_is_asked_again_with_the_same_qn_then_given_up() -> None:
    exchange = Exchange(instrument("3012", "w01018"), Party(MN), QN, Patience(5.0, 2))
    first = exchange.start(100.0)
    assert exchange.tick(104.9) is None
    assert exchange.tick(105.0) == first
    assert exchange.tick(109.9) is None
    assert exchange.tick(110.0) == first
    assert exchange.tick(115.0) is None
    got = ended(exchange)
    assert (got.end, got.sent, got.seconds) == (End.NO_ANSWER, 3, 15.0)


def test_a_late_result_has_its_own_time_and_every_frame_renews_it() -> None:
    exchange = begun(
        "CN=2051;BeginTime=20240601080000;EndTime=20240601090000", Patience(10.0, 3, execute_s=30.0)
    )
    exchange.take(word("9011", "1"), 1.0)
    assert exchange.tick(30.9) is None
    exchange.take(data("2051", AT), 30.0)
    assert exchange.deadline == 60.0
    assert exchange.tick(59.0) is None
    assert exchange.outcome is None
    exchange.tick(60.0)
    assert (ended(exchange).end, ended(exchange).frames) == (End.NO_RESULT, 1)


def test_a_device_that_never_ends_is_ended() -> None:
    exchange = begun("CN=2051;BeginTime=20240601080000;EndTime=20240601090000")
    now = 0.0
    while exchange.outcome is None and now < 10_000:
        now += 20.0
        exchange.take(data("2051", AT), now)
        exchange.tick(now)
    assert (ended(exchange).end, now) == (End.NO_RESULT, 1800.0)


def test_others_words_are_others() -> None:
    exchange = begun("CN=1062;RtdInterval=60")
    assert not exchange.take(word("9012", "1", qn_text(AT + 1)), 0.1)
    assert not exchange.take(word("9012", "1", mn="12091200160055"), 0.1)
    broken = read(frames(Message("91", "9012", "123456", MN, QN, [[("ExeRtn", "1")]]))[0][:-6] + b"0000\r\n")
    assert not exchange.take(broken, 0.1)
    assert exchange.outcome is None


WORDS = st.one_of(
    st.builds(word, st.sampled_from(["9011", "9012"]), st.sampled_from(["1", "2", "100", "x", ""])),
    st.builds(data, st.sampled_from(["2051", "2011", "1011"]), st.just(AT)),
    st.none(),
)


@given(
    st.sampled_from(
        [
            "CN=1011",
            "CN=2011",
            "CN=2012",
            "CN=1062;RtdInterval=60",
            "CN=2051;BeginTime=20240601080000;EndTime=20240601090000",
        ]
    ),
    st.lists(st.tuples(WORDS, st.floats(0, 100)), max_size=20),
)
def test_whatever_comes_it_ends_in_time_and_once(text: str, steps: list[tuple[Packet | None, float]]) -> None:
    exchange = begun(text)
    now, sends = 0.0, 1
    for packet, later in steps:
        now += later
        if packet is not None:
            exchange.take(packet, now)
        sends += exchange.tick(now) is not None
    before = exchange.outcome
    while exchange.outcome is None:
        now = max(exchange.deadline, now)
        sends += exchange.tick(now) is not None
    assert before is None or exchange.outcome is before
    assert sends <= 1 + exchange.patience.re_count
    assert exchange.outcome.sent == sends
