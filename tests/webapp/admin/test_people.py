"""The page of accounts: who is there, who may see it, filters and pages."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from flask import Flask
from sqlalchemy import event

from tests.webapp.admin.conftest import Browser, add_user
from webapp import clock
from webapp.accounts import people_queries
from webapp.extensions import db
from webapp.models import ApiToken, RecoveryCode, User, Watchlist

PAGE = "/admin/people"
PATHS = [PAGE, "/admin/people/1", "/admin/people/1/lock", "/admin/people/1/delete", "/admin", "/admin/audit",
         "/admin/audit.csv"]


@pytest.mark.parametrize("path", PATHS)
def test_only_admins_know_of_the_page(app: Flask, admin: User, visitor: Browser, stranger: Browser, path: str) -> None:
    if path.endswith(".csv"):
        assert visitor.get(path).status_code == 401
    else:
        assert visitor.get(path).headers["Location"] == f"/login?next={path}"
    assert stranger.get(path).status_code == 404
    assert stranger.post(path).status_code in {404, 405}


@pytest.mark.parametrize("path", ["/admin/people/registration", "/admin/people/invitations",
                                  "/admin/people/invitations/1/withdraw", "/admin/people/1/lock"])
def test_nothing_is_changed_without_the_form_s_token_or_by_somebody_else(browser: Browser, stranger: Browser,
                                                                         path: str) -> None:
    assert browser.open(path, "POST", data={"open": "no", "email": "ada@example.org"}).status_code == 400
    assert stranger.post(path, {"open": "no", "email": "ada@example.org"}).status_code == 404


def test_the_header_leads_admins_to_their_pages_and_nobody_else(browser: Browser, stranger: Browser,
                                                                visitor: Browser) -> None:
    page = browser.get(PAGE).text
    assert '<a href="/admin" aria-current="page">Admin</a>' in page
    assert re.search(r'class="button primary" href="/admin/people" aria-current="page"', page)
    assert '<a href="/admin">Admin</a>' in browser.get("/").text
    assert '<a href="/admin" aria-current="page">Admin</a>' in browser.get("/history/runs").text
    for other in (stranger, visitor):
        assert "/admin" not in other.get("/").text


@pytest.mark.both_databases
def test_an_account_is_shown_with_what_hangs_on_it(browser: Browser, person: User) -> None:
    person.second_factor_at = clock.now()
    person.locked = True
    now = clock.now()
    db.session.add_all([
        Watchlist(user_id=person.id, name="One"), Watchlist(user_id=person.id, name="Two"),
        RecoveryCode(user_id=person.id, code_hash="a"), RecoveryCode(user_id=person.id, code_hash="b", used_at=now),
        ApiToken(user_id=person.id, name="t", token_hash="a", prefix="sw_", scope="read"),
        ApiToken(user_id=person.id, name="t", token_hash="b", prefix="sw_", scope="read",
                 expires_at=now - dt.timedelta(days=1))])
    db.session.commit()
    row = next(part for part in browser.get(PAGE).text.split("<tr>") if person.email in part)
    assert 'data-label="State"><span class="badge warn">Locked</span>' in row
    assert 'data-label="2nd factor">On' in row
    assert 'data-label="Lists">2' in row
    page = browser.get(f"{PAGE}/{person.id}").text
    assert "1 recovery code left" in page
    assert "<dt>Tokens</dt><dd>1</dd>" in page


def test_sessions_that_hold_are_counted_and_dated(browser: Browser, admin: User) -> None:
    row = next(part for part in browser.get(PAGE).text.split("<tr>") if admin.email in part)
    assert 'data-label="Sessions">1' in row
    assert re.search(r'data-label="Last log-in"><time datetime="[^"]+" title="[^"]+">(just now|\d+ s ago)</time>', row)


@pytest.mark.both_databases
def test_the_list_goes_page_by_page_through_everybody_once(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        add_user(f"p{number}@example.org")
    seen: list[str] = []
    after = ""
    while True:
        page = people_queries.people_page(people_queries.Filter(), after, 3)
        seen += [one.user.email for one in page.people]
        if not (after := page.after):
            break
    assert seen == ["ada@example.org", *(f"p{number}@example.org" for number in range(7))]
    monkeypatch.setattr(people_queries.people_page, "__defaults__", ("", 3))
    first = browser.get(PAGE).text
    assert 'rel="next" href="/admin/people?after=p1%40example.org' in first or "after=p1@example.org" in first
    second = browser.get(f"{PAGE}?after=p1@example.org").text
    assert "p2@example.org" in second
    assert "p1@example.org</a>" not in second
    assert ">First</a>" in second


@pytest.mark.parametrize(("query", "shown"), [
    ("q=EXAMPLE.ORG", {"ada@example.org", "eve@example.org"}), ("q=eve", {"eve@example.org"}), ("q=100%25", set()),
    ("kind=admins", {"ada@example.org"}), ("kind=locked", {"eve@example.org", "max@example.com"}),
    ("kind=locked&q=max", {"max@example.com"}), ("kind=factor", {"max@example.com"}), ("q=%00eve", {"eve@example.org"}),
    ("kind=nonsense&q=nobody", set()), ("after=%00&q=eve", {"eve@example.org"}),
])
@pytest.mark.both_databases
def test_people_are_found_by_address_and_kind(browser: Browser, query: str, shown: set[str]) -> None:
    add_user("eve@example.org", locked=True)
    add_user("max@example.com", locked=True, second_factor_at=clock.now())
    page = browser.get(f"{PAGE}?{query}").text
    assert set(re.findall(r'href="/admin/people/\d+">([^<]+)</a>', page)) == shown
    assert ("There is no such account." in page) == (not shown)


def test_a_page_asks_as_few_questions_however_many_people(browser: Browser) -> None:
    def statements() -> int:
        seen: list[str] = []

        def note(*details: object) -> None:
            seen.append(str(details[2]))

        event.listen(db.engine, "before_cursor_execute", note)
        assert browser.get(PAGE).status_code == 200
        event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    few = statements()
    for number in range(30):
        add_user(f"p{number}@example.org")
    assert statements() == few <= 5


def test_an_unknown_account_has_no_page(browser: Browser) -> None:
    for path in ("/admin/people/99", "/admin/people/99/lock", "/admin/people/99999999999", "/admin/people/1/explode"):
        assert browser.get(path).status_code == 404


def test_hostile_addresses_are_harmless(browser: Browser) -> None:
    user = add_user('"<b>x"@example.org')
    for path in (PAGE, f"{PAGE}/{user.id}", f"{PAGE}/{user.id}/delete"):
        assert "<b>x" not in browser.get(path).text
