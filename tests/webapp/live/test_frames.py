"""Frames of both kinds of viewers: pages get markup on one line, programs an array of JSON."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from tests.webapp.live.watchers import NOON, Client, make_hub, row
from webapp.live.fragments import Renderer
from webapp.live.frames import KINDS, PAGES, first_rows, frame, status_event
from webapp.records import Instrument, LiveQuote
from webapp.rows import quote_row


@pytest.mark.parametrize("kind", PAGES)
def test_rows_of_a_page_are_joined_as_they_are(kind: str) -> None:
    assert frame(kind, 7, [b"<a>", None, b"", b"<b>"]) == b"id: 7\nevent: quotes\ndata: <a><b>\n\n"
    assert frame(kind, 7, [b"<a>"], b"before\n\n") == b"before\n\nid: 7\nevent: quotes\ndata: <a>\n\n"
    assert status_event(kind, b"Live") == b"event: status\ndata: Live\n\n"


def test_rows_of_a_program_are_an_array() -> None:
    assert frame("json", 7, [b"{}", None, b"", b"[]"]) == b"id: 7\nevent: quotes\ndata: [{},[]]\n\n"
    assert frame("json", 7, [b"1"], b"before\n\n") == b"before\n\nid: 7\nevent: quotes\ndata: [1]\n\n"
    assert first_rows([b"1", b"", b"2"]) == b"event: quotes\ndata: [1,2]\n\n"
    assert status_event("json", b"Reconnecting") == b'event: status\ndata: {"stream":"reconnecting"}\n\n'


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_tell_makes_no_event(kind: str) -> None:
    assert frame(kind, 7, [None, b""]) == b""
    assert frame(kind, 7, [], b"before\n\n") == b"before\n\n"
    assert status_event(kind, b"") == b""
    assert first_rows([]) == b""


def test_a_row_for_programs_is_that_of_the_api_on_one_line_of_plain_signs(app: Flask) -> None:
    stock = Instrument(1, "A", "XNAS", "Åland\u2028\n\rLtd", "USD", "US")
    live = LiveQuote(stock, 3, row(1, 3).quote)
    drawn = Renderer(app.jinja_env)("json", live)
    assert json.loads(drawn) == quote_row(live, NOON)
    assert drawn.isascii()
    assert not set(b"\r\n") & set(drawn)


def test_viewers_of_both_kinds_watch_one_stock_side_by_side() -> None:
    hub = make_hub()
    page, program = Client(hub, (1, 2)), Client(hub, (1, 2), kind="json")
    hub.apply([row(1, 1), row(2, 1)], 1)
    hub.say(b"Live")
    hub.flush()
    for client in (page, program):
        client.read()
        assert client.shown == {1: 1, 2: 1}
        assert client.last_id == 1
    assert "event: status\ndata: Live" in page.events
    assert 'event: status\ndata: {"stream":"Live"}' not in program.events
    assert 'event: status\ndata: {"stream":"live"}' in program.events


def test_a_program_that_stalled_gets_the_newest_rows_as_one_array() -> None:
    hub = make_hub()
    client = Client(hub, (1, 2, 3), kind="json")
    for version in range(1, 100):
        hub.apply([row(number, version) for number in (1, 2, 3)], version)
        hub.flush()
    assert client.viewer.rest is not None
    hub.say(b"Reconnecting")
    for _ in range(10):
        client.read()
        hub.flush()
    assert client.shown == {1: 99, 2: 99, 3: 99}
    events = [dict(line.split(": ", 1) for line in event.split("\n")) for event in client.events]
    rows = [json.loads(event["data"]) for event in events if event["event"] == "quotes"]
    assert [len(each) for each in rows] == [3] * len(rows)
    assert len(rows) < 20
    assert events[-1]["event"] == "quotes" or events[-1]["data"] == '{"stream":"reconnecting"}'
