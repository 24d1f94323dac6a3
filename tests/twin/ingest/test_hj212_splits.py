"""Which messages in several frames came whole; never more memory than allowed, whatever a peer claims."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.twin.ingest.test_hj212_exchange import MN, read
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.splits import Splits
from twin.ingest.hj212.write import frame


def part(
    pnum: int, pno: int, at: str = "20240601080000", qn: str = "20240601080000001", mn: str = MN
) -> Packet:
    text = f"QN={qn};ST=32;CN=2011;PW=123456;MN={mn};Flag=7;PNUM={pnum};PNO={pno};"
    return read(frame(f"{text}CP=&&DataTime={at};w01018-Rtd=1.5&&".encode()))


def test_parts_in_any_order_and_twice() -> None:
    splits = Splits()
    for pno in (3, 1, 3, 1):
        assert splits.add(part(3, pno, qn=f"2024060108000000{pno}"), 0.0) == []
    assert (len(splits), splits.whole) == (1, 0)
    splits.add(part(3, 2), 0.0)
    assert (len(splits), splits.whole) == (0, 1)


def test_parts_of_other_moments_loggers_and_counts_do_not_mix() -> None:
    splits = Splits()
    splits.add(part(2, 1), 0.0)
    splits.add(part(2, 2, at="20240601080001"), 0.0)
    splits.add(part(2, 2, mn="12091200160055"), 0.0)
    splits.add(part(3, 2), 0.0)
    assert (len(splits), splits.whole) == (4, 0)


def test_waiting_ends_and_a_new_part_renews_it() -> None:
    splits = Splits(wait_s=10.0)
    splits.add(part(3, 1), 0.0)
    splits.add(part(2, 1, at="20240601080001"), 5.0)
    splits.add(part(3, 2), 8.0)
    assert splits.expire(14.9) == []
    assert splits.expire(15.0) == [MN]
    assert splits.expire(17.9) == []
    assert splits.expire(18.0) == [MN]
    assert len(splits) == 0


def test_nonsense_is_no_part() -> None:
    splits = Splits()
    for pnum, pno in ((3, 0), (3, 4), (0, 0), (1, 1)):
        splits.add(part(pnum, pno), 0.0)
    assert len(splits) == 0


@given(st.lists(st.tuples(st.integers(1, 10**17), st.integers(1, 30), st.integers(0, 9)), max_size=60))
def test_memory_is_bounded(parts: list[tuple[int, int, int]]) -> None:
    splits = Splits(groups=5, parts=12)
    gone = 0
    for now, (pnum, pno, second) in enumerate(parts):
        gone += len(splits.add(part(pnum, pno, at=f"2024060108000{second}"), float(now)))
        assert len(splits) <= 5
        assert splits._parts == sum(len(g.parts) for g in splits._open.values()) <= 12
    assert len(splits.expire(1e9)) + gone + splits.whole <= len(parts)
    assert splits._parts == 0
