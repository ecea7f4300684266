"""Answers of market data that are given again for a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event

from tests.webapp.api.conftest import Program
from tests.worker.conftest import make_instrument
from webapp.api import kept
from webapp.extensions import db
from webapp.models import InstrumentRow, Scope, User


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """As shipped."""
    return {"API_FRESH_SECONDS": 1}


@pytest.fixture
def statements(app: Flask) -> list[str]:
    """What the database is asked from now on."""
    make_instrument("AAPL", "XNAS")
    found: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _cur, statement, *_rest: found.append(statement))
    return found


def rename(name: str) -> None:
    db.session.query(InstrumentRow).update({"name": name})
    db.session.commit()


def test_a_second_asker_costs_the_database_nothing(nobody: Program, statements: list[str]) -> None:
    first = nobody.get("/quotes/AAPL")
    asked = len(statements)
    second = nobody.get("/quotes/AAPL")
    assert (second.status_code, second.data, second.headers["ETag"]) == (200, first.data, first.headers["ETag"])
    assert second.headers["RateLimit-Remaining"] == str(int(first.headers["RateLimit-Remaining"]) - 1)
    assert len(statements) == asked > 0
    again = nobody.get("/quotes/AAPL", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_after_a_second_it_is_asked_anew(nobody: Program, statements: list[str], monkeypatch: pytest.MonkeyPatch,
                                         ) -> None:
    began = 1000.0
    monkeypatch.setattr(kept, "monotonic", lambda: began)
    assert nobody.get("/quotes/AAPL").json
    rename("Another")
    monkeypatch.setattr(kept, "monotonic", lambda: began + 0.9)
    assert "Another" not in nobody.get("/quotes/AAPL").text
    monkeypatch.setattr(kept, "monotonic", lambda: began + 1.1)
    assert "Another" in nobody.get("/quotes/AAPL").text


def test_forms_and_questions_are_kept_apart(nobody: Program, statements: list[str]) -> None:
    for path in ("/quotes?symbols=AAPL", "/quotes.csv?symbols=AAPL", "/quotes?symbols=AAPL"):
        assert nobody.get(path).mimetype == ("text/csv" if ".csv" in path else "application/json")
    for form in ("text/csv", "application/json", "text/csv"):
        assert nobody.get("/quotes?symbols=AAPL", headers={"Accept": form}).mimetype == form


def test_what_is_a_persons_own_is_never_given_again(person: User, admin: User, statements: list[str],
                                                    program: Callable[..., Program]) -> None:
    one, other = program(person, Scope.WRITE), program(admin, Scope.WRITE)
    assert one.get("/account").json != other.get("/account").json
    assert one.call("POST", "/watchlists", {"name": "Mine"}).status_code == 201
    assert [each["name"] for each in (one.get("/watchlists").json or {})["items"]] == ["Mine"]


def test_a_place_that_is_not_public_gives_nothing_again_without_a_token(
        app: Flask, nobody: Program, person: User, statements: list[str], program: Callable[..., Program]) -> None:
    app.config["API_PUBLIC"] = False
    assert program(person).get("/quotes/AAPL").status_code == 200
    assert nobody.get("/quotes/AAPL").status_code == 401


def test_errors_are_not_kept(nobody: Program, statements: list[str]) -> None:
    assert nobody.get("/quotes/MSFT").status_code == 404
    make_instrument("MSFT", "XNAS")
    assert nobody.get("/quotes/MSFT").status_code == 200


def test_never_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 250)
    answers = kept.Answers()
    for number in range(5):
        answers.keep((str(number), ""), kept.Kept(10.0 + number, b"x" * 100, "", {}), 0.0)
    assert [key for key, _ in answers.kept] == ["3", "4"]
    assert answers.size == 200
    answers.keep(("4", ""), kept.Kept(20.0, b"x" * 50, "", {}), 14.5)
    assert (list(answers.kept), answers.size) == ([("4", "")], 50)
