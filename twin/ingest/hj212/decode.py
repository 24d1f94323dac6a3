"""`twin hj212 decode`: bytes of a file as one JSON object a line, in the order of the bytes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from geodata.words import Lang, Text
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet, Reject
from twin.ingest.hj212.readings import Interpreter

READ_SIZE = 65536

ABOUT = Text(
    "解析 HJ 212 报文文件（原始字节），每个报文或坏字节段输出一行 JSON。",
    "Read files of HJ 212 bytes; print one JSON object a line for each frame and each run of broken bytes.",
)
TOLERANT = Text(
    "宽容模式：按常见平台的做法交付带偏差的报文，并列出偏差",
    "deliver what a lenient platform takes, with the deviations named",
)
FILES = Text(
    "文件名；- 为标准输入；给出多个文件时各自按独立连接解析，并带 file 字段",
    "file names; - is standard input; several files are read as one connection each and carry a file key",
)
UNREADABLE = Text("无法读取 {file}：{why}", "cannot read {file}: {why}")


def objects(data: Iterator[bytes], *, tolerant: bool = False) -> Iterator[dict[str, object]]:
    """Yield the JSON object of everything in one connection's bytes, the unfinished rest last."""
    reader = Reader(tolerant=tolerant)
    interpreter = Interpreter()
    for chunk in data:
        for found in reader.feed(chunk):
            yield as_object(found, interpreter)
    for found in reader.close():
        yield as_object(found, interpreter)


def as_object(found: Packet | Reject, interpreter: Interpreter) -> dict[str, object]:
    """Return the JSON object of a packet or a reject; deviations include those of the values."""
    if isinstance(found, Reject):
        return {"kind": "reject", "reason": found.reason, "offset": found.offset, "length": found.length}
    answer = answer_to(found)
    notes = (note.reason for note in interpreter.readings(found).notes)
    return {
        "kind": "frame",
        "qn": found.qn,
        "st": found.st,
        "cn": found.cn,
        "pw": found.pw,
        "mn": found.mn,
        "flag": found.flag,
        "version_bits": found.version_bits,
        "need_ack": found.need_ack,
        "split": found.split,
        "pnum": found.pnum,
        "pno": found.pno,
        "groups": found.groups,
        "ack": None if answer is None else {"cn": answer.cn, "st": answer.st, "qn": answer.qn},
        "deviations": list(dict.fromkeys((*found.deviations, *notes))),
    }


def main(argv: list[str], lang: Lang = "zh") -> int:
    """Run the command; return the exit code, 2 where a file cannot be read."""
    parser = argparse.ArgumentParser(prog="twin hj212 decode", description=ABOUT.say(lang))
    parser.add_argument("--tolerant", action="store_true", help=TOLERANT.say(lang))
    parser.add_argument("files", nargs="+", metavar="FILE", help=FILES.say(lang))
    options = parser.parse_args(argv)
    code = 0
    try:
        for name in options.files:
            extra = {"file": name} if len(options.files) > 1 else {}
            try:
                _print_file(name, extra, tolerant=options.tolerant)
            except BrokenPipeError:
                raise
            except OSError as error:
                why = error.strerror or str(error)
                sys.stderr.write(UNREADABLE.fill(file=name, why=why).say(lang) + "\n")
                code = 2
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _print_file(name: str, extra: dict[str, str], *, tolerant: bool) -> None:
    with ExitStack() as stack:
        source: BinaryIO = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
        out = sys.stdout.buffer
        for found in objects(iter(lambda: source.read(READ_SIZE), b""), tolerant=tolerant):
            out.write(json.dumps({**found, **extra}, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
