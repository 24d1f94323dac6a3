"""Requests are checked before they are sent, and have one written form."""

from __future__ import annotations

import pytest

from twin.errors import RefusedError
from twin.ingest.hj212 import requests
from twin.ingest.hj212.request_words import ASKS, FIELDS
from twin.ingest.hj212.requests import OPERATIONS, Request, parse

AT = 1_717_200_000_000


def test_the_written_form_is_read_back() -> None:
    made = [
        requests.get_time(),
        requests.set_time(AT, "w01018"),
        requests.set_patience(5, 2),
        requests.set_real_time_interval(60),
        requests.set_minute_interval(10),
        requests.history("2061", AT, AT + 3_600_000),
        requests.instrument("3011", "w01018"),
    ]
    for request in made:
        assert parse(request.text()) == request
    assert made[1].text() == "CN=1012;PolId=w01018;SystemTime=20240601080000"
    assert made[5].text() == "CN=2061;BeginTime=20240601080000;EndTime=20240601090000"


def test_every_request_is_there_and_has_words() -> None:
    wanted = "1000 1011 1012 1061 1062 1063 1064 1072 2011 2031 2051 2061"
    wanted += " 2012 2021 2022 2041 3011 3012 3013 3014 3015 3016 3017 3018 3019 3020 3021"
    assert set(wanted.split()) == set(OPERATIONS) == set(ASKS)
    fields = {name for o in OPERATIONS.values() for name in (*o.needed, *o.optional)}
    assert fields == set(FIELDS)


def test_a_parameter_is_set_by_the_name_of_its_code() -> None:
    request = parse("CN=3021;PolId=w01018;InfoId=i13013;i13013-Info=168")
    assert parse(request.text()) == request


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RtdInterval=60",
        "CN=9014",
        "CN=2081",
        "CN=1062",
        "CN=1062;RtdInterval=29",
        "CN=1062;RtdInterval=3601",
        "CN=1062;RtdInterval=６０",
        "CN=1062;RtdInterval=60;RtdInterval=60",
        "CN=1062;RtdInterval=60;PolId=w01018",
        "CN=1064;MinInterval=7",
        "CN=1000;OverTime=0;ReCount=3",
        "CN=1072;NewPW=a&&b",
        "CN=1072;NewPW=1234567",
        "CN=1012;SystemTime=20240231000000",
        "CN=2051;BeginTime=20240602000000;EndTime=20240601000000",
        "CN=2051;BeginTime=20200101000000;EndTime=20240601000000",
        "CN=3011;PolId=w01018&&",
        "CN=3016;PolId=w01018;CstartTime=240000;Ctime=2",
        "CN=3021;PolId=w01018;InfoId=i13013",
        "CN=3021;PolId=w01018;InfoId=i13013;i13014-Info=1",
        "CN=3021;PolId=w01018;InfoId=i13013;Info=1",
        "CN=3021;PolId=w01018;InfoId=i13013;i13013-Info=1&&2",
    ],
)
def test_what_may_not_be_sent_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="CN="):
        parse(text)


def test_a_new_password_is_not_shown() -> None:
    request = parse("CN=1072;NewPW=s3cret")
    assert request == Request("1072", (("NewPW", "s3cret"),)) == parse(request.text(secret=True))
    assert "s3cret" not in request.text()
