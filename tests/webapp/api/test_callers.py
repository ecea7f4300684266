"""Who may call the API: tokens, their scopes, their limits; and what errors look like."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask

from tests.webapp.api.conftest import Program
from tests.worker.conftest import make_instrument
from webapp import clock
from webapp.extensions import db
from webapp.lists import add_symbols, create_watchlist
from webapp.models import ApiToken, Scope, User

Make = Callable[..., Program]


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """Low limits, soon reached."""
    return {"API_LIMIT_ADDRESS": "4 per minute", "API_LIMIT_TOKEN": "8 per minute"}


def test_anybody_reads_what_pages_show_to_everybody(nobody: Program) -> None:
    make_instrument("AAPL", "XNAS")
    answer = nobody.get("/quotes/AAPL")
    assert (answer.status_code, answer.json and answer.json["key"]) == (200, "XNAS:AAPL")


def test_a_place_that_is_not_public_asks_for_a_token(app: Flask, nobody: Program, person: User, program: Make) -> None:
    app.config["API_PUBLIC"] = False
    make_instrument("AAPL", "XNAS")
    refused = nobody.get("/quotes/AAPL")
    assert (refused.status_code, refused.json and refused.json["code"]) == (401, "no-token")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert program(person).get("/quotes/AAPL").status_code == 200


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer sw_" + "x" * 43, "Basic eDp5", "Bearer", "Bearer  ",
                                    "sw_", "Bearer " + "é" * 43])
def test_a_bad_token_is_told_so_also_where_none_is_needed(nobody: Program, header: str) -> None:
    make_instrument("AAPL", "XNAS")
    answer = nobody.get("/quotes/AAPL", headers={"Authorization": header.encode().decode("latin-1")})
    assert (answer.status_code, answer.json and answer.json["code"]) == (401, "bad-token")


def test_a_token_ends_when_it_expires_or_its_person_is_locked(person: User, program: Make) -> None:
    make_instrument("AAPL", "XNAS")
    mine = program(person)
    row = db.session.query(ApiToken).one()
    assert mine.get("/quotes/AAPL").status_code == 200
    row.expires_at = clock.now() - dt.timedelta(seconds=1)
    db.session.commit()
    assert mine.get("/quotes/AAPL").status_code == 401
    row.expires_at, person.locked = None, True
    db.session.commit()
    assert mine.get("/quotes/AAPL").status_code == 401


def test_the_last_use_is_kept(person: User, program: Make) -> None:
    make_instrument("AAPL", "XNAS")
    mine = program(person)
    assert db.session.query(ApiToken).one().last_used_at is None
    mine.get("/quotes/AAPL")
    db.session.expire_all()
    assert db.session.query(ApiToken).one().last_used_at is not None


def test_the_token_is_kept_as_a_hash_only(person: User, program: Make) -> None:
    text = program(person, Scope.WRITE).token
    row = db.session.query(ApiToken).one()
    assert text not in (row.token_hash, row.prefix)
    assert text.startswith(row.prefix)


def test_who_calls_too_often_is_told_when_to_go_on(nobody: Program, person: User, program: Make) -> None:
    make_instrument("AAPL", "XNAS")
    for left in (3, 2, 1, 0):
        answer = nobody.get("/quotes/AAPL")
        assert answer.headers["RateLimit-Limit"] == "4"
        assert answer.headers["RateLimit-Remaining"] == str(left)
        assert 0 < int(answer.headers["RateLimit-Reset"]) <= 60
    refused = nobody.get("/quotes/AAPL")
    assert (refused.status_code, refused.json and refused.json["code"]) == (429, "too-many-requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert program(person).get("/quotes/AAPL").headers["RateLimit-Limit"] == "8"


def test_each_further_hundred_stocks_count_as_a_call(nobody: Program, person: User, program: Make) -> None:
    stocks = [make_instrument(f"S{number}", "XNAS").key for number in range(101)]
    mine = program(person)
    for path, left in ((f"/quotes?symbols={','.join(stocks[:100])}", 7), (f"/quotes?symbols={','.join(stocks)}", 5),
                       (f"/udf/quotes?symbols={','.join(stocks)}", 3), ("/screener?limit=200", 1)):
        answer = mine.get(path)
        assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (200, str(left)), path
    refused = mine.get("/screener?limit=200")
    assert (refused.status_code, refused.json and refused.json["code"]) == (429, "too-many-requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 60


def test_a_call_for_very_many_stocks_is_possible_where_few_calls_are(nobody: Program) -> None:
    assert nobody.get("/screener?limit=1000").headers["RateLimit-Remaining"] == "0"
    assert nobody.get("/screener?limit=1000").status_code == 429


def test_ones_own_stocks_count_too(app: Flask, person: User, program: Make) -> None:
    mine = program(person)
    made = create_watchlist(person.id, "Many")
    add_symbols(made, [make_instrument(f"S{number}", "XNAS").id for number in range(201)])
    db.session.commit()
    for path, left in ((f"/watchlists/{made.id}", 7), (f"/watchlists/{made.id}/quotes", 4),
                       (f"/watchlists/{made.id}?with=quotes", 1)):
        assert mine.get(path).headers["RateLimit-Remaining"] == str(left), path


def test_who_guesses_tokens_is_counted_too(nobody: Program) -> None:
    found = [nobody.get("/quotes/AAPL", headers={"Authorization": "Bearer sw_" + str(number) * 43}).status_code
             for number in range(6)]
    assert found == [401, 401, 401, 401, 429, 429]


def test_a_cookie_is_worth_nothing(app: Flask, person: User) -> None:
    app.config["API_PUBLIC"] = False
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = "anything"
    assert client.get("/api/v1/quotes/AAPL").status_code == 401


def test_errors_of_addresses_are_problems_too(nobody: Program) -> None:
    for method, path, status, code in (("GET", "/nothing", 404, "not-found"),
                                       ("POST", "/quotes", 405, "method-not-allowed")):
        answer = nobody.call(method, path)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
        assert answer.json
        assert answer.json["code"] == code
