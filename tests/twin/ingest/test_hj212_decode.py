"""The command: raw bytes in, JSON lines out, one sentence where a file cannot be read."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.twin.ingest.test_hj212_frame import GOOD, OTHER, SEGMENT, WRONG
from twin.ingest.hj212 import decode


def run(capsysbinary: pytest.CaptureFixture[bytes], *argv: str) -> tuple[int, list[dict[str, Any]], str]:
    code = decode.main(list(argv), "en")
    out, err = capsysbinary.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err.decode()


def test_frames_and_rejects_in_order(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(GOOD + WRONG + b"noise" + OTHER + GOOD[:40])
    code, lines, _ = run(capsysbinary, str(file))
    assert code == 0
    assert [line["kind"] for line in lines] == ["frame", "reject", "reject", "frame", "reject"]
    assert lines[0] == {
        "kind": "frame",
        "qn": "20240601080000123",
        "st": "32",
        "cn": "2011",
        "pw": "123456",
        "mn": "010000A8900016F000169DC0",
        "flag": 5,
        "version_bits": 1,
        "need_ack": True,
        "split": False,
        "pnum": None,
        "pno": None,
        "groups": [[["DataTime", "20240601080000"]], [["w01018-Rtd", "23.4"], ["w01018-Flag", "N"]]],
        "ack": {"cn": "9014", "st": "91", "qn": "20240601080000123"},
        "deviations": [],
    }
    n = len(GOOD)
    assert lines[1] == {"kind": "reject", "reason": "crc_mismatch", "offset": n, "length": n}
    assert lines[2] == {"kind": "reject", "reason": "no_header", "offset": 2 * n, "length": 5}
    assert lines[4] == {"kind": "reject", "reason": "truncated_or_length", "offset": 3 * n + 5, "length": 40}


def test_tolerant_and_the_deviations_of_values(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(WRONG)
    _, (line,), _ = run(capsysbinary, "--tolerant", str(file))
    assert line["deviations"] == ["crc_mismatch"]
    assert line["ack"] is None
    file.write_bytes(decode_frame(SEGMENT.replace(b"23.4", b"NaN")))
    _, (line,), _ = run(capsysbinary, str(file))
    assert line["deviations"] == ["nonfinite"]


def decode_frame(segment: bytes) -> bytes:
    from twin.ingest.hj212.write import frame

    return frame(segment)


def test_several_files_are_several_connections(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    first, second = tmp_path / "1.bin", tmp_path / "2.bin"
    first.write_bytes(GOOD[:40])
    second.write_bytes(GOOD[40:] + OTHER)
    _, lines, _ = run(capsysbinary, str(first), str(second))
    assert [(x["kind"], x["file"]) for x in lines] == [
        ("reject", str(first)),
        ("reject", str(second)),
        ("frame", str(second)),
    ]
    assert lines[2]["groups"][1][0][1] == "99.9"


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))
    code, lines, _ = run(capsysbinary, "-")
    assert code == 0
    assert [x["kind"] for x in lines] == ["frame"]
    assert "file" not in lines[0]


def test_chinese_text_is_written_as_utf8(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(decode_frame("ST=32;CN=3020;MN=1;CP=&&a-Info=//清洗管路//&&".encode("gbk")))
    decode.main([str(file)])
    assert "清洗管路" in capsysbinary.readouterr().out.decode("utf-8")


def test_a_missing_file_is_one_sentence_and_exit_2(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    good = tmp_path / "a.bin"
    good.write_bytes(GOOD)
    code, lines, err = run(capsysbinary, str(tmp_path / "none"), str(good))
    assert code == 2
    assert [x["kind"] for x in lines] == ["frame"]
    assert err.count("\n") == 1
    assert "none" in err
    assert decode.main([str(tmp_path)], "zh") == 2
    assert "无法读取" in capsysbinary.readouterr().err.decode()


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(GOOD * 3000)
    code = f"import sys; from twin.ingest.hj212.decode import main; sys.exit(main([{str(file)!r}]))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0
