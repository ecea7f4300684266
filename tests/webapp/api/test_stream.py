"""The stream of JSON events: who gets it, what comes first, and that everybody shares one hub."""

from __future__ import annotations

import datetime as dt
import json
import socket
from collections.abc import Callable, Iterator
from contextvars import Context
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests.factories import AS_OF, add_quote, add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.people import Browser
from webapp import clock
from webapp.accounts import people, tokens
from webapp.api.v1.quotes import QuoteOut
from webapp.audit import SHELL, Actor
from webapp.extensions import db
from webapp.live import bus
from webapp.live.feed import Feed
from webapp.live.fragments import Renderer
from webapp.live.hub import Hub
from webapp.live.truth import DatabaseTruth
from webapp.models import ApiToken, FeedVersion, QuoteRow, Scope, User
from webapp.quotes import load_live

Make = Callable[..., Program]


@pytest.fixture(autouse=True)
def the_moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop the clock; a pair of sockets has no TCP to set up."""
    monkeypatch.setattr(socket.socket, "setsockopt", lambda *_: None)
    with time_machine.travel(AS_OF, tick=False):
        yield


@pytest.fixture
def hub(app: Flask) -> Iterator[Hub]:
    """The application's hub with its feed, whose loops a test turns by hand."""
    made = app.extensions["hub"] = Hub(Renderer(app.jinja_env), window=0.0, per_account=2, per_address=2)
    app.extensions["feed"] = Feed(made, app.extensions["redis"], DatabaseTruth(app))
    made.say(b"Live")
    yield made
    made.close()


class Viewer:
    """A program that reads a stream."""

    def __init__(self, program: Program, query: str, **headers: str) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.status, self.answer = 200, None
        with theirs:
            try:
                self.answer = program.get(f"/stream?{query}", headers=headers, environ_overrides={
                    "gunicorn.socket": theirs, "REMOTE_ADDR": "192.0.2.1"})
                self.status = self.answer.status_code
            except StopIteration:  # how the connection is handed over
                pass
        self.head = ""

    def read(self) -> list[dict[str, str]]:
        """Return the events that have come since the last time."""
        try:
            text = self.ours.recv(1 << 20).decode()
        except BlockingIOError:
            return []
        if text.startswith("HTTP/1.1"):
            self.head, text = text.split("\r\n\r\n", 1)
        return [dict(line.split(": ", 1) for line in event.split("\n")) for event in text.split("\n\n") if event]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that have come since the last time."""
        return [row for event in self.read() if event.get("event") == "quotes" for row in json.loads(event["data"])]

    @property
    def ended(self) -> bool:
        """Tell whether the other side has hung up."""
        try:
            return self.ours.recv(1 << 20) == b""
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Hang up."""
        self.ours.close()


@pytest.fixture
def watch() -> Iterator[Callable[..., Viewer]]:
    """Open streams, and close them at the end."""
    opened: list[Viewer] = []

    def make(program: Program, query: str, **headers: str) -> Viewer:
        opened.append(Viewer(program, query, **headers))
        return opened[-1]

    yield make
    for viewer in opened:
        viewer.close()


Watch = Callable[..., Viewer]


def change(stock_id: int, price: str, version: int) -> None:
    """Commit a new price."""
    row = db.session.get_one(QuoteRow, stock_id)
    row.price, row.version = Decimal(price), version
    db.session.merge(FeedVersion(id=1, value=version))
    db.session.commit()


def test_all_rows_come_first_also_those_without_a_price(nobody: Program, hub: Hub, watch: Watch) -> None:
    add_quote(add_stock("AAPL"), "101.5000", previous_close="100")
    add_stock("NEW")
    db.session.merge(FeedVersion(id=1, value=1))
    db.session.commit()
    viewer = watch(nobody, "symbols=NEW,AAPL")
    beat, status = None, None
    events = viewer.read()
    rows = {row["key"]: row for event in events if event.get("event") == "quotes" for row in json.loads(event["data"])}
    for event in events:
        beat = event["data"] if event.get("event") == "beat" else beat
        status = event["data"] if event.get("event") == "status" else status
    assert (beat, json.loads(status or "")) == ("1", {"stream": "live"})
    assert {key: (row["price"], row["state"]) for key, row in rows.items()} == {
        "XNAS:AAPL": ("101.5000", "Simulated"), "XNAS:NEW": (None, "No price yet")}
    for row in rows.values():
        QuoteOut.model_validate(row)
        assert row == nobody.get(f"/quotes/{row['key']}").json
    assert "Content-Type: text/event-stream" in viewer.head
    assert "RateLimit-Remaining: " in viewer.head


def test_changes_come_as_one_event_with_the_version_as_its_id(nobody: Program, hub: Hub, watch: Watch) -> None:
    stocks = [add_stock(symbol) for symbol in ("A", "B", "C")]
    ids = [stock.id for stock in stocks]
    for stock in stocks:
        add_quote(stock, "10")
    viewer = watch(nobody, "symbols=A,B,C")
    hub.flush()
    viewer.read()
    for number in ids[:2]:
        change(number, "11", 2)
    hub.apply(load_live(ids[:2]), 2)
    hub.flush()
    (event,) = viewer.read()
    assert (event["event"], event["id"]) == ("quotes", "2")
    assert [(row["symbol"], row["price"], row["version"]) for row in json.loads(event["data"])] == [
        ("A", "11", 2), ("B", "11", 2)]


def test_who_comes_back_gets_only_what_changed_since(nobody: Program, hub: Hub, watch: Watch) -> None:
    stocks = [add_stock(symbol) for symbol in ("A", "B")]
    for stock in stocks:
        add_quote(stock, "10")
    add_stock("NEW")
    change(stocks[1].id, "12", 7)
    assert [row["symbol"] for row in watch(nobody, "symbols=A,B,NEW", **{"Last-Event-ID": "6"}).rows()] == ["B"]
    viewer = watch(nobody, "symbols=A,B,NEW", **{"Last-Event-ID": "99"})
    assert sorted(row["symbol"] for row in viewer.rows()) == ["A", "B", "NEW"], "a number that never was is none"


def test_a_row_is_never_followed_by_an_older_one(nobody: Program, hub: Hub, watch: Watch) -> None:
    """The database may be ahead of the bus: what was on its way when the viewer came is not sent to it any more."""
    stock = add_stock("A")
    viewer = watch(nobody, "symbols=A")
    assert [row["version"] for row in viewer.rows()] == [0]
    add_quote(stock, "10", version=1)
    older = load_live([stock.id])
    change(stock.id, "11", 2)
    late = watch(nobody, "symbols=A")
    assert [row["version"] for row in late.rows()] == [2]
    hub.apply(older, 1)
    hub.flush()
    assert {row["version"] for row in viewer.rows() + late.rows()} == {2}


def test_a_price_that_goes_stale_is_told(nobody: Program, hub: Hub, watch: Watch, app: Flask) -> None:
    stock = add_stock("A")
    add_quote(stock, "10", stale_at=AS_OF + dt.timedelta(minutes=1))
    viewer = watch(nobody, "symbols=A")
    hub.flush()
    assert {row["state"] for row in viewer.rows()} == {"Simulated"}
    with time_machine.travel(AS_OF + dt.timedelta(minutes=2), tick=False):
        app.extensions["feed"].age_rows(clock.now())
        hub.flush()
    assert [row["state"] for row in viewer.rows()] == ["Stale"]


def test_a_thousand_viewers_share_one_drawing_of_a_row(nobody: Program, hub: Hub, watch: Watch) -> None:
    stock = add_stock("A")
    add_quote(stock, "10")
    drawn: list[str] = []
    draw = hub.render

    def count(kind: str, row: Any) -> bytes:
        drawn.append(kind)
        return draw(kind, row)

    hub.render = count
    hub.per_address = 2000
    watch(nobody, "symbols=A")
    pairs = [socket.socketpair() for _ in range(1000)]
    for _ours, theirs in pairs:
        theirs.setblocking(False)
        hub.join(theirs.detach(), b"", "json", [stock.id])
    assert drawn == ["json"]
    change(stock.id, "11", 2)
    hub.apply(load_live([stock.id]), 2)
    hub.flush()
    assert drawn == ["json", "json"]
    for ours, _theirs in pairs:
        assert ours.recv(1 << 16).count(b'"price":"11"') == 1
        ours.close()


def test_every_viewer_hears_in_its_own_words_that_the_stream_is_away(nobody: Program, hub: Hub, watch: Watch) -> None:
    add_stock("A")
    viewer = watch(nobody, "symbols=A")
    viewer.read()
    hub.say(b"Reconnecting")
    hub.flush()
    assert viewer.read() == [{"event": "status", "data": '{"stream":"reconnecting"}'}]


def test_a_revoked_token_ends_its_streams_and_no_others(app: Flask, person: User, program: Make, hub: Hub,
                                                        watch: Watch) -> None:
    add_stock("A")
    viewer = watch(program(person), "symbols=A")
    _row, text = tokens.create_token(person, "other", Scope.READ, None)
    db.session.commit()
    other = watch(Program(app, text), "symbols=A")
    first = db.session.query(ApiToken).filter_by(name="test").one().id
    hub.ring("signed-out", session_id=tokens.stream_of(first))
    assert viewer.read()[-1] == {"event": "signed-out", "data": "1"}
    assert viewer.ended
    other.read()
    assert not other.ended


@pytest.mark.parametrize("way", ["page", "api", "shell"])
def test_whoever_revokes_a_token_rings_for_its_streams(app: Flask, person: User, program: Make, way: str) -> None:
    mine = program(person, Scope.WRITE)
    row = db.session.query(ApiToken).one()
    number, prefix, email = row.id, row.prefix, person.email
    subscription = bus.Subscription(app.extensions["redis"])
    if way == "page":
        Browser(app).log_in(person).post(f"/account/tokens/{number}/revoke", {"prefix": prefix})
    elif way == "api":
        mine.call("DELETE", f"/tokens/{number}")
    else:
        Context().run(app.test_cli_runner().invoke, args=["tokens", "revoke", email, str(number)])
    heard = [message[1] for _ in range(4) if (message := subscription.next(0.1))]
    subscription.close()
    assert heard == [{"topic": "signed-out", "user": None, "session": tokens.stream_of(number)}]


@pytest.mark.both_databases
def test_streams_of_tokens_that_no_longer_hold_are_found(app: Flask, person: User, hub: Hub) -> None:
    ids = {}
    for name, days in (("good", None), ("late", 1), ("gone", None)):
        ends_at = clock.now() + dt.timedelta(days=days) if days else None
        ids[name] = tokens.create_token(person, name, Scope.READ, ends_at)[0].id
    tokens.revoke_token(person.id, ids["gone"])
    db.session.commit()
    truth = DatabaseTruth(app)
    streams = {name: tokens.stream_of(number) for name, number in ids.items()}
    with time_machine.travel(AS_OF + dt.timedelta(days=2), tick=False):
        assert truth.ended_sessions(streams.values()) == {streams["late"], streams["gone"]}
    ended = people.lock_user(Actor(None, "shell", SHELL), person.id, person.email)
    assert set(ended) == {streams["good"], streams["late"]}
    db.session.commit()
    assert truth.ended_sessions([streams["good"]]) == {streams["good"]}


def test_streams_are_limited_by_account_and_address(app: Flask, nobody: Program, person: User, program: Make, hub: Hub,
                                                    watch: Watch) -> None:
    add_stock("A")
    assert [watch(nobody, "symbols=A").status for _ in range(2)] == [200, 200]
    refused = watch(nobody, "symbols=A")
    assert refused.answer is not None
    assert (refused.status, refused.answer.json and refused.answer.json["code"]) == (503, "too-many-streams")
    assert int(refused.answer.headers["Retry-After"]) > 0
    hub.per_address = 50
    mine = program(person)
    assert [watch(mine, "symbols=A").status for _ in range(3)] == [200, 200, 503]


@pytest.mark.parametrize(("query", "status", "code"), [
    ("symbols=NIX", 404, "unknown-symbol"), ("symbols=", 422, "invalid"), ("", 422, "invalid"),
    ("symbols=A&since=3", 422, "invalid"), ("symbols=" + ",".join(f"S{n}" for n in range(501)), 422, "invalid"),
    ("symbols=TWO", 409, "ambiguous-symbol")])
def test_a_stream_of_nothing_is_refused_before_it_begins(nobody: Program, hub: Hub, watch: Watch, query: str,
                                                         status: int, code: str) -> None:
    for mic in ("XNAS", "XLON"):
        add_stock("TWO", mic)
    viewer = watch(nobody, query)
    assert viewer.answer is not None
    assert (viewer.status, viewer.answer.content_type, viewer.answer.json and viewer.answer.json["code"]) == (
        status, "application/problem+json", code)
    assert not hub.viewers


def test_a_place_that_is_not_public_asks_for_a_token(app: Flask, nobody: Program, person: User, program: Make, hub: Hub,
                                                     watch: Watch) -> None:
    app.config["API_PUBLIC"] = False
    add_stock("A")
    assert watch(nobody, "symbols=A").status == 401
    assert watch(program(person), "symbols=A").status == 200


@pytest.mark.parametrize(("accept", "status"), [("application/json", 406), ("text/event-stream", 200), ("*/*", 200)])
def test_it_comes_as_events_only(nobody: Program, hub: Hub, watch: Watch, accept: str, status: int) -> None:
    add_stock("A")
    assert watch(nobody, "symbols=A", Accept=accept).status == status


def test_a_server_without_streams_says_so(nobody: Program) -> None:
    add_stock("A")
    answer = nobody.get("/stream?symbols=A")
    assert (answer.status_code, answer.json and answer.json["code"]) == (501, "not-implemented")


def test_the_head_alone_opens_no_stream(nobody: Program, hub: Hub) -> None:
    add_stock("A")
    answer = Context().run(nobody.client.head, "/api/v1/stream?symbols=A", environ_overrides={"gunicorn.socket": None})
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert not hub.viewers


def test_pages_do_not_take_the_programs_kind(app: Flask, hub: Hub) -> None:
    assert app.test_client().get("/live/stream?ids=1&view=json", environ_overrides={
        "gunicorn.socket": object()}).status_code == 400


class TestOfAnotherSite:
    """A page of a site that may call."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        """One site that is allowed."""
        return {"API_CORS_ORIGINS": ("https://charts.example.org",)}

    def test_it_may_read_the_stream(self, nobody: Program, hub: Hub, watch: Watch) -> None:
        add_stock("A")
        viewer = watch(nobody, "symbols=A", Origin="https://charts.example.org")
        viewer.read()
        assert "Access-Control-Allow-Origin: https://charts.example.org\r\n" in viewer.head
