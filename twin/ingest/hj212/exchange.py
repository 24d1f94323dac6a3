"""One request and everything a device says to it: a state machine without socket, task or clock.

Sequence (HJ 212-2017, annex C): request, 9011 "will execute", data of the same CN, 9012 "done". Real devices
leave out the 9011 or the 9012, answer with the QN inside the data area (2005), or count the QN of their data
frames up by themselves; all of that is taken. A request is sent again with the same QN until something comes
back, so a device that executed it already can tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from geodata.words import Text
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.requests import Reply, Request
from twin.ingest.hj212.sealing import Seal
from twin.ingest.hj212.times import epoch_ms
from twin.ingest.hj212.write import Dialect, Item, Message, frames

EXECUTE_S = 60.0  # without a word, after "will execute" or after the last data frame
LONGEST_S = 1800.0  # for one exchange, whatever comes
ITEMS_KEPT = 2000

QN_RTN: dict[str, Text] = {
    "1": Text("准备执行", "will execute"),
    "2": Text("请求被拒绝", "refused"),
    "3": Text("密码错误", "wrong PW"),
    "4": Text("MN 错误", "wrong MN"),
    "5": Text("ST 错误", "wrong ST"),
    "6": Text("Flag 错误", "wrong Flag"),
    "7": Text("QN 错误", "wrong QN"),
    "8": Text("CN 错误", "wrong CN"),
    "9": Text("CRC 校验错误", "wrong CRC"),
    "100": Text("未知错误", "unknown error"),
}
EXE_RTN: dict[str, Text] = {
    "1": Text("执行成功", "done"),
    "2": Text("执行失败，原因未知", "failed, cause unknown"),
    "3": Text("请求条件错误", "wrong condition in the request"),
    "4": Text("通讯超时", "communication time-out"),
    "5": Text("系统繁忙", "busy"),
    "6": Text("系统故障", "system fault"),
    "100": Text("没有数据", "no data"),
}


class End(StrEnum):
    """How an exchange ended."""

    DONE = "done"
    NO_DATA = "no_data"
    FAILED = "failed"  # 9012 says so
    REFUSED = "refused"  # 9011 says so
    NO_ANSWER = "no_answer"  # nothing came, however often it was sent
    NO_RESULT = "no_result"  # it began, and then nothing more came
    OFFLINE = "offline"  # there was no connection to send it on


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often; what a 1000 sets on both sides.

    Attributes
    ----------
    over_time_s : float
        Until the first word, and again for every re-send.
    re_count : int
        Re-sends.
    """

    over_time_s: float = 10.0
    re_count: int = 3
    execute_s: float = EXECUTE_S


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a request goes to, in the words that logger uses itself."""

    mn: str
    st: str = "32"
    pw: str = "123456"
    dialect: Dialect = 2017
    seal: Seal | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request.

    Attributes
    ----------
    qn_rtn, exe_rtn : str
        Codes of 9011 and 9012 as sent; empty where none came.
    frames : int
        Data frames that belonged to it.
    items : tuple of (name, value)
        The first of what they said.
    sent : int
        How often the request was sent.
    odd : tuple of str
        What was not as the standard says.
    """

    end: End
    mn: str
    cn: str
    qn: str
    qn_rtn: str = ""
    exe_rtn: str = ""
    frames: int = 0
    items: tuple[Item, ...] = ()
    sent: int = 0
    seconds: float = 0.0
    odd: tuple[str, ...] = ()

    def said(self) -> Text:
        """Return the end in words."""
        if self.end is End.REFUSED:
            return QN_RTN.get(self.qn_rtn, Text(f"QnRtn={self.qn_rtn}", f"QnRtn={self.qn_rtn}"))
        if self.end in (End.FAILED, End.NO_DATA):
            return EXE_RTN.get(self.exe_rtn, Text(f"ExeRtn={self.exe_rtn}", f"ExeRtn={self.exe_rtn}"))
        return {
            End.DONE: Text("执行成功", "done"),
            End.NO_ANSWER: Text("数采仪没有应答", "the logger did not answer"),
            End.NO_RESULT: Text("应答后没有结果", "it answered, and no result came"),
            End.OFFLINE: Text("数采仪不在线", "the logger is not connected"),
        }[self.end]


@dataclass(slots=True)
class Exchange:
    """One request on its way. Times are monotonic seconds of the caller."""

    request: Request
    party: Party
    qn: str
    patience: Patience = Patience()
    outcome: Outcome | None = None
    _sent: int = 0
    _started: float = 0.0
    _deadline: float = 0.0
    _answered: bool = False
    _qn_rtn: str = ""
    _frames: int = 0
    _items: list[Item] = field(default_factory=list)
    _odd: dict[str, None] = field(default_factory=dict)

    def start(self, now: float) -> bytes:
        """Return the request's frame; time runs from here."""
        self._started = now
        return self._send(now)

    @property
    def deadline(self) -> float:
        """When `tick` has something to do."""
        return min(self._deadline, self._started + LONGEST_S)

    def tick(self, now: float) -> bytes | None:
        """Look at the time: bytes to send again, or None. May end the exchange."""
        if self.outcome is not None or now < self.deadline:
            return None
        if self._answered:
            self._end(End.NO_RESULT, now)
        elif self._sent > self.patience.re_count:
            self._end(End.NO_ANSWER, now)
        else:
            return self._send(now)
        return None

    def take(self, packet: Packet, now: float) -> bool:
        """Take a packet of this logger; True if it belongs to the exchange."""
        if self.outcome is not None or packet.mn != self.party.mn or not packet.trusted:
            return False
        if packet.cn in ("9011", "9012", "9013"):
            return self._take_word(packet, now)
        if packet.cn == self.request.cn and self._is_ours(packet):
            self._take_data(packet, now)
            return True
        return False

    def give_up(self, end: End, now: float) -> None:
        """End it from outside: there is no line, or the gateway stops."""
        if self.outcome is None:
            self._end(end, now)

    def _send(self, now: float) -> bytes:
        self._sent += 1
        self._deadline = now + self.patience.over_time_s
        p, r = self.party, self.request
        groups = [[item] for item in r.items]
        message = Message(p.st, r.cn, p.pw, p.mn, self.qn, groups, ack=True, dialect=p.dialect)
        return frames(message, p.seal)[0]

    def _take_word(self, packet: Packet, now: float) -> bool:
        qn = packet.value("QN") or packet.qn  # 2005 says in the data area which request it means
        if qn is None:
            self._odd["qn_missing"] = None
        elif qn != self.qn:
            return False
        if packet.cn == "9013":
            if self.request.operation.reply is not Reply.NOTICE:
                return False
            self._end(End.DONE, now)
        elif packet.cn == "9011":
            self._take_answer(packet.value("QnRtn") or "", now)
        else:
            self._take_result(packet.value("ExeRtn") or "", now)
        return True

    def _take_answer(self, code: str, now: float) -> None:
        if self._qn_rtn:
            return  # sent again to our re-send
        self._qn_rtn = code
        if code == "1":
            self._wait(now)
        else:
            self._end(End.REFUSED, now)

    def _take_result(self, code: str, now: float) -> None:
        if not self._qn_rtn:
            self._odd["answer_9011_missing"] = None
        end = {"1": End.DONE, "100": End.NO_DATA}.get(code, End.FAILED)
        self._end(end, now, code)

    def _take_data(self, packet: Packet, now: float) -> None:
        if not self._answered:
            self._odd["answer_9011_missing"] = None
        self._frames += 1
        for group in packet.groups:
            for item in group:
                if len(item) == 2 and len(self._items) < ITEMS_KEPT:
                    self._items.append((item[0].strip(), item[1].strip()))
        self._wait(now)
        if self.request.operation.reply is Reply.FLOW:
            self._end(End.DONE, now)

    def _is_ours(self, packet: Packet) -> bool:
        """Tell a data frame of this exchange from one that was due anyway."""
        reply = self.request.operation.reply
        if reply is Reply.FLOW:
            return self._qn_rtn == "1"
        if reply is not Reply.DATA:
            return False
        if packet.qn is None or packet.qn == self.qn:
            return True
        begin, end = self.request.value("BeginTime"), self.request.value("EndTime")
        at = packet.data_time_ms
        if begin and end and at is not None:
            return (epoch_ms(begin) or 0) <= at <= (epoch_ms(end) or 0)
        return not packet.cn.startswith("2") if packet.cn else False

    def _wait(self, now: float) -> None:
        self._answered = True
        self._deadline = now + self.patience.execute_s

    def _end(self, end: End, now: float, exe_rtn: str = "") -> None:
        self.outcome = Outcome(
            end,
            self.party.mn,
            self.request.cn,
            self.qn,
            self._qn_rtn,
            exe_rtn,
            self._frames,
            tuple(self._items),
            self._sent,
            round(now - self._started, 3),
            tuple(self._odd),
        )
