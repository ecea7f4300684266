"""What somebody may send who means harm: each is refused, or harms nobody."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.people import PASSWORD, Browser
from webapp.accounts import service as accounts
from webapp.accounts import tokens
from webapp.extensions import db
from webapp.lists import add_symbols, create_watchlist
from webapp.models import ApiToken, InstrumentRow, Scope, User, Watchlist, WatchlistItem
from webapp.watchlists.service import write_note

Make = Callable[..., Program]
EVIL = "evil.example"


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """Limits that no test reaches."""
    return {"API_LIMIT_ADDRESS": "10000 per minute", "API_LIMIT_TOKEN": "10000 per minute"}


@pytest.fixture
def stock(app: Flask) -> InstrumentRow:
    """Apple."""
    return add_stock("AAPL")


@pytest.fixture
def mine(person: User, program: Make) -> Program:
    """The person's program, which may change what is theirs."""
    return program(person, Scope.WRITE)


@pytest.fixture
def tech(person: User, stock: InstrumentRow) -> Watchlist:
    """The person's list of one stock with a note."""
    made = create_watchlist(person.id, "Tech")
    add_symbols(made, [stock.id])
    write_note(made, stock.id, "fruit")
    db.session.commit()
    return made


@pytest.fixture
def stranger(app: Flask) -> User:
    """Somebody else."""
    user = accounts.create_user("bob@example.org", PASSWORD)
    db.session.commit()
    return user


def writes(tech: Watchlist) -> list[tuple[str, str, dict[str, Any]]]:
    """Return calls that write, with bodies that are right."""
    path = f"/watchlists/{tech.id}"
    return [("POST", "/watchlists", {"name": "New"}), ("PATCH", path, {"name": "X"}),
            ("POST", f"{path}/items", {"symbols": ["AAPL"]}), ("PUT", f"{path}/order", {"symbols": ["AAPL"]}),
            ("PATCH", f"{path}/items/AAPL", {"note": "x"}), ("PUT", f"{path}/items/AAPL/note", {"text": "x"})]


def state() -> tuple[list[Any], ...]:
    """Return all that belongs to people."""
    db.session.expire_all()
    return ([(row.id, row.email, row.admin) for row in db.session.query(User).order_by(User.id)],
            [(row.id, row.user_id, row.name) for row in db.session.query(Watchlist).order_by(Watchlist.id)],
            [(row.watchlist_id, row.instrument_id, row.note) for row in db.session.query(WatchlistItem)],
            [(row.id, row.user_id, row.scope) for row in db.session.query(ApiToken).order_by(ApiToken.id)])


def send(program: Program, method: str, path: str, data: bytes | str, content_type: str = "application/json",
         **options: Any) -> Any:
    """Send these bytes."""
    return program.call(method, path, data=data, content_type=content_type, **options)


def test_nobody_assigns_what_is_not_asked_for(mine: Program, tech: Watchlist, stranger: User) -> None:
    before = state()
    extras: dict[str, Any] = {"user_id": stranger.id, "id": 7, "admin": True, "scope": "admin",
                              "created_at": "2020-01-01", "watchlist_id": 1, "_user": {}, "__class__": "x"}
    for method, path, body in writes(tech):
        answer = mine.call(method, path, body | extras)
        assert answer.status_code == 422
        assert answer.json
        assert {error["field"] for error in answer.json["errors"]} == set(extras)
    assert mine.get("/notes?user_id=2").status_code == 422
    assert state() == before


def test_nobody_writes_by_somebody_elses_number(mine: Program, tech: Watchlist, stranger: User, program: Make) -> None:
    theirs = program(stranger, Scope.WRITE)
    before = state()
    token = db.session.query(ApiToken).filter(ApiToken.user_id != stranger.id).one().id
    calls: list[tuple[str, str, Any]] = [call for call in writes(tech) if call[1] != "/watchlists"]
    calls += [("DELETE", f"/watchlists/{tech.id}", None), ("DELETE", f"/watchlists/{tech.id}/items/AAPL", None),
              ("DELETE", f"/watchlists/{tech.id}/items/AAPL/note", None), ("DELETE", f"/tokens/{token}", None)]
    for method, path, body in calls:
        answer = theirs.call(method, path, body)
        assert (answer.status_code, answer.json and answer.json["code"]) == (404, "not-found"), path
    assert state() == before


@pytest.mark.both_databases
@pytest.mark.parametrize("text", ["\U0001d518\U0001f680", "\u202egnirts", "e\u0301", "\u200d", "\U0001242b" * 80,
                                  "' OR 1=1 --", "%_\\"])
def test_any_sign_that_is_one_comes_back_as_it_was_sent(mine: Program, tech: Watchlist, text: str) -> None:
    path = f"/watchlists/{tech.id}"
    assert mine.call("PATCH", path, {"name": text}).json["name"] == text  # type: ignore[index]
    assert mine.call("PATCH", f"{path}/items/AAPL", {"note": text}).json["note"] == text  # type: ignore[index]
    assert mine.get("/notes").json["items"][0]["list_name"] == text  # type: ignore[index]
    assert mine.get("/notes.csv").status_code == mine.get(f"{path}/quotes.csv").status_code == 200
    assert mine.get(f"/quotes/{text}").status_code == 404
    assert mine.call("POST", f"{path}/items", {"symbols": [text[:60]]}).status_code == 404


@pytest.mark.both_databases
@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfffb"])
def test_signs_that_are_none_are_refused(mine: Program, tech: Watchlist, text: str) -> None:
    before = state()
    path = f"/watchlists/{tech.id}"
    for method, place, body in (("POST", "/watchlists", {"name": text}), ("PATCH", path, {"name": text}),
                                ("PATCH", f"{path}/items/AAPL", {"note": text}),
                                ("PUT", f"{path}/items/AAPL/note", {"text": text})):
        answer = mine.call(method, place, body)
        assert answer.status_code == 422, (place, answer.text)
    assert mine.call("POST", f"{path}/items", {"symbols": [text]}).status_code in {404, 422}
    assert mine.get("/quotes/%00").status_code == mine.get("/quotes/%ED%A0%80").status_code == 404
    assert mine.get("/notes?after=%00").status_code == 422
    assert state() == before


def test_ten_megabytes_are_too_large_before_anybody_reads_them(mine: Program, tech: Watchlist) -> None:
    body = b'{"text": "' + b"x" * 10_000_000 + b'"}'
    for method, path, _body in writes(tech):
        answer = send(mine, method, path, body)
        assert (answer.status_code, answer.json["code"]) == (413, "too-large"), path
    # One that does not say how long it is.
    answer = mine.call("PUT", f"/watchlists/{tech.id}/items/AAPL/note", input_stream=io.BytesIO(body),
                       content_type="application/json", headers={"Transfer-Encoding": "chunked"},
                       environ_overrides={"wsgi.input_terminated": True})
    assert answer.status_code == 413


@pytest.mark.parametrize("text", ["[" * 100_000, '{"name":' * 50_000, '{"name": ' + "[" * 900 + "]" * 900 + "}",
                                  '{"symbols": ' + "[" * 300 + "]" * 300 + "}"])
def test_deep_json_ends_nothing(mine: Program, tech: Watchlist, text: str) -> None:
    for method, path, _body in writes(tech):
        assert send(mine, method, path, text).status_code in {400, 422}


@pytest.mark.both_databases
def test_huge_numbers_are_refused(mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}"
    for number in ("1" * 5000, "9" * 30, "-1", "1e400", str(2**63)):
        for method, place in (("PATCH", path), ("PATCH", f"{path}/items/AAPL")):
            assert send(mine, method, place, f'{{"position": {number}}}').status_code in {400, 422}, number
        assert mine.get(f"/notes?limit={number}").status_code == 422
    for number in ("9" * 30, str(2**31), str(2**63)):
        assert mine.get(f"/watchlists/{number}").status_code == 404
        assert mine.call("DELETE", f"/tokens/{number}").status_code == 404


def test_a_name_that_stands_twice_is_read_by_nobody(mine: Program, tech: Watchlist) -> None:
    before = state()
    for text in ('{"name": "A", "name": "B"}', '{"name": "A", "symbols": [{"a": 1, "a": 2}]}', '{"position": NaN}',
                 '{"position": Infinity}', "", "{", "'x'", '{"name": "A",}'):
        answer = send(mine, "PATCH", f"/watchlists/{tech.id}", text.encode())
        assert (answer.status_code, answer.json["code"]) == (400, "bad-request"), text
    for text in ("[]", "null", "1", '"name"'):
        assert send(mine, "PATCH", f"/watchlists/{tech.id}", text).status_code in {400, 422}, text
    assert state() == before


def test_thousands_of_wrong_names_are_not_looked_at_one_by_one(mine: Program, tech: Watchlist) -> None:
    for body in ({f"field {number}": number for number in range(20_000)}, {"x" * 100_000: 1}):
        answer = send(mine, "POST", "/watchlists", json.dumps(body))
        assert (answer.status_code, answer.json["code"]) == (422, "invalid")
        assert len(answer.data) < 2_000


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                                  "application/xml", "text/json", ""])
def test_only_json_is_read(mine: Program, tech: Watchlist, kind: str) -> None:
    before = state()
    for method, path, body in writes(tech):
        answer = send(mine, method, path, json.dumps(body), kind)
        assert (answer.status_code, answer.json["code"]) == (415, "unsupported-media-type"), path
        chunked = mine.call(method, path, input_stream=io.BytesIO(json.dumps(body).encode()), content_type=kind,
                            headers={"Transfer-Encoding": "chunked"}, environ_overrides={"wsgi.input_terminated": True})
        assert chunked.status_code == 415
    assert state() == before


def test_no_name_breaks_out_into_a_header(app: Flask, person: User, tech: Watchlist) -> None:
    split = "a\r\nX-Evil: 1\r\n\r\n<script>"
    _row, text = tokens.create_token(person, split, Scope.WRITE, None)
    db.session.commit()
    mine = Program(app, text)
    made = mine.call("POST", "/watchlists", {"name": split, "symbols": ["AAPL"]})
    assert made.json
    assert made.json["name"] == "a X-Evil: 1 <script>"
    path = f"/watchlists/{made.json['id']}"
    answers = [made, mine.call("PATCH", path, {"name": split}), mine.get(f"{path}/quotes.csv"), mine.get("/tokens"),
               mine.call("PUT", f"{path}/items/AAPL/note", {"text": split}), mine.get("/notes.csv?limit=1"),
               mine.get("/notes?limit=1&after=%0d%0aX-Evil:%201"), mine.get("/quotes/%0d%0aX-Evil:%201"),
               mine.get("/quotes.csv?symbols=AAPL%0d%0aX-Evil:1"), mine.get(path, headers={"If-None-Match": '"\x01"'})]
    for answer in answers:
        assert "X-Evil" not in answer.headers
        assert not any("\r" in value or "\n" in value or "Evil" in value for value in answer.headers.values())
        assert answer.mimetype in {"application/json", "application/problem+json", "text/csv"}


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "http://evil.example", "///evil.example",
                                    "/\t/evil.example", "https:evil.example", "javascript:alert(1)"])
def test_nobody_is_led_to_another_site(app: Flask, stranger: User, nobody: Program, target: str) -> None:
    browser = Browser(app)
    browser.get("/")
    for path, fields in (("/login", {"email": stranger.email, "password": PASSWORD}),
                         ("/preferences", {"next": target, "theme": "dark"})):
        browser.token = ""
        answer = browser.post(path, fields, query_string={"next": target})
        assert EVIL not in answer.headers.get("Location", ""), path
        assert "javascript" not in answer.headers.get("Location", "")
    for path in ("//evil.example", "/quotes//evil.example/..", "/watchlists/", "/quotes/"):
        assert "Location" not in Context().run(nobody.client.get, f"/api/v1{path}?next={target}").headers


def test_no_header_of_an_asker_reaches_what_others_may_get(app: Flask, mine: Program, tech: Watchlist) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1")]
    plain = [rule.rule for rule in rules if "GET" in (rule.methods or ()) and not rule.arguments]
    paths = [*plain, "/api/v1/quotes/AAPL", "/api/v1/quotes?symbols=AAPL", f"/api/v1/watchlists/{tech.id}",
             f"/api/v1/watchlists/{tech.id}/quotes.csv", "/api/v1/nothing", "/api/v1//quotes", "/api/v1/quotes/",
             "/api/v1/notes?limit=1"]
    asked = {"Host": EVIL, "X-Forwarded-Host": EVIL, "X-Forwarded-Proto": EVIL, "X-Original-URL": f"/{EVIL}",
             "Forwarded": f"host={EVIL}", "Origin": f"https://{EVIL}", "Referer": f"https://{EVIL}/",
             "Authorization": f"Bearer {mine.token}"}
    for path in paths:
        answer = Context().run(mine.client.get, path, headers=asked)
        assert answer.status_code != 500, path
        assert EVIL not in answer.text, path
        assert not any(EVIL in value for value in answer.headers.values()), path
        assert {"accept", "authorization"} <= {each.lower() for each in answer.vary}, path
        assert answer.headers["Cache-Control"] in {"private, no-cache", "no-store"}, path


@pytest.mark.both_databases
def test_signs_that_stand_for_any_in_sql_stand_for_themselves(mine: Program, tech: Watchlist, app: Flask) -> None:
    for text in ("%25", "_", "A%25", "AAP_", "%25:AAPL", "XNAS:%25", "*", "AAPL'--"):
        assert mine.get(f"/quotes/{text}").status_code == 404, text
    if any(rule.rule == "/api/v1/search" for rule in app.url_map.iter_rules()):
        for text in ("%25", "_APL", "A%25L", "\\"):
            assert mine.get(f"/search?q={text}").json["items"] == [], text  # type: ignore[index]


def test_no_spreadsheet_runs_what_somebody_wrote(mine: Program, tech: Watchlist, stock: InstrumentRow) -> None:
    for text in ('=HYPERLINK("http://evil.example")', "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\uff1d1"):
        mine.call("PATCH", f"/watchlists/{tech.id}", {"name": text})
        mine.call("PATCH", f"/watchlists/{tech.id}/items/AAPL", {"note": f"{text}\n=2"})
        stock.name = text
        db.session.commit()
        for path in ("/notes.csv", "/watchlists.csv", f"/watchlists/{tech.id}/quotes.csv", "/quotes.csv?symbols=AAPL"):
            cells = mine.get(path).text.replace('"', "").replace("\r\n", ",").split(",")
            assert not [cell for cell in cells if cell.startswith(tuple("=+@\t\uff1d")) or cell == "-1+1"], path
