"""The audit log: every change, who, what, from and to; found again, and as a file."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from flask import Flask

from tests.webapp.admin.conftest import Browser
from webapp import audit, audit_queries
from webapp.audit import Actor
from webapp.extensions import db

PAGE = "/admin/audit"


@pytest.fixture
def lines(app: Flask) -> None:
    """What two admins and the shell did."""
    ada, eve = Actor(None, "ada@example.org"), Actor(None, "eve@example.org", audit.API)
    audit.note(ada, "user.lock", "bob@example.org", {"locked": False}, {"locked": True})
    audit.note(eve, "stock.edit", "XNAS:AAPL", {"name": "Aple", "decimals": 2}, {"name": "Apple"})
    audit.note(audit.SHELL_ACTOR, "user.promote", "bob@example.org", {"admin": False}, {"admin": True})
    audit.note(ada, "stock.map", "XNAS:AAPL", {}, {"symbols": ["A", "B"], "more": {"a": 1}, "note": ""})
    db.session.commit()


def subjects(page: str) -> list[str]:
    """Return what the lines of a page were done to."""
    return re.findall(r'data-label="Of what"><span class="subject">([^<]+)</span>', page)


def test_where_nothing_was_done_the_page_says_so(browser: Browser) -> None:
    assert "No admin has changed anything yet." in browser.get(PAGE).text


@pytest.mark.both_databases
def test_the_newest_change_comes_first_with_before_and_after(browser: Browser, lines: None) -> None:
    page = browser.get(PAGE).text
    assert subjects(page) == ["XNAS:AAPL", "bob@example.org", "XNAS:AAPL", "bob@example.org"]
    changes = re.findall(r"<li>(.*?): <del>(.*?)</del>.*?<ins>(.*?)</ins>", page)
    assert changes == [
        ("symbols", "—", "A, B"), ("more", "—", "{&#34;a&#34;: 1}"), ("admin", "no", "yes"),
        ("name", "Aple", "Apple"), ("decimals", "2", "—"), ("locked", "no", "yes")]
    assert 'class="subject">the shell<' in page
    assert page.count('<span class="badge">API</span>') == 1


@pytest.mark.both_databases
@pytest.mark.parametrize(("query", "count"), [
    ("who=EVE", 1), ("who=nobody", 0), ("who=100%25", 0), ("action=user.lock", 1), ("action=user", 0),
    ("subject=aapl", 2), ("subject=bob&who=ada", 1), ("subject=%00bob", 2), ("who=_da", 0)])
def test_the_log_is_searched_by_person_action_and_subject(browser: Browser, lines: None, query: str,
                                                          count: int) -> None:
    page = browser.get(f"{PAGE}?{query}").text
    assert len(subjects(page)) == count
    assert ("There is no such line." in page) == (not count)
    assert ">user.promote</option>" in page, "every action can be chosen"


def test_the_log_goes_page_by_page_through_every_line_once(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        audit.note(Actor(None, "ada@example.org"), "user.lock", f"p{number}")
    db.session.commit()
    monkeypatch.setattr(audit_queries.audit_page, "__defaults__", (3,))
    path, seen = PAGE, []
    for _ in range(3):
        page = browser.get(path).text
        seen += subjects(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1] if older else ""
    assert seen == [f"p{number}" for number in reversed(range(7))]
    assert not path
    assert ">Newest</a>" in page


@pytest.mark.parametrize("before", ["x", "-1", "99999999999999999999999", "0"])
def test_a_place_that_there_is_not_is_no_error(browser: Browser, lines: None, before: str) -> None:
    assert browser.get(f"{PAGE}?before={before}").status_code == 200
    assert browser.get(f"{PAGE}.csv?before={before}").status_code == 200


@pytest.mark.both_databases
def test_the_log_is_a_file_with_the_same_filter(browser: Browser, lines: None) -> None:
    answer = browser.get(f"{PAGE}.csv?subject=aapl")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == "attachment; filename=audit.csv"
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["action"] for row in rows] == ["stock.map", "stock.edit"]
    assert rows[1] | {"at": ""} == {
        "at": "", "who": "eve@example.org", "via": "api", "action": "stock.edit", "subject": "XNAS:AAPL",
        "before": '{"name": "Aple", "decimals": 2}', "after": '{"name": "Apple"}'}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[0]["at"])


def test_a_file_goes_on_where_the_page_stands(browser: Browser, lines: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_queries.audit_page, "__defaults__", (1,))
    older = re.search(r"before=(\d+)", browser.get(PAGE).text)
    assert older is not None
    assert f"/admin/audit.csv?before={older[1]}" in browser.get(f"{PAGE}?before={older[1]}").text
    assert len(browser.get(f"{PAGE}.csv?before={older[1]}").text.splitlines()) == 4


def test_hostile_texts_are_harmless_on_the_page_and_in_the_file(browser: Browser) -> None:
    audit.note(Actor(None, "<script>x</script>"), "user.lock", "=cmd()", {"<b>": "<i>"}, {"<b>": "'"})
    db.session.commit()
    page = browser.get(PAGE).text
    assert "<script>x" not in page
    assert "<b>" not in page.replace("<b>AAPL", "")
    assert ",'=cmd()," in browser.get(f"{PAGE}.csv").text


def test_a_field_that_is_empty_before_and_after_is_not_shown_as_a_change(browser: Browser) -> None:
    audit.note(Actor(None, "ada@example.org"), "stock.mark", "XAMS:ASML",
               {"status": "listed", "day": None, "renamed_to": ""},
               {"status": "delisted", "day": None, "renamed_to": ""})
    db.session.commit()
    page = browser.get(PAGE).text
    assert "status: <del>listed</del>" in page
    assert "renamed to" not in page
    assert "day:" not in page


def test_moments_stand_in_the_log_as_on_every_page(browser: Browser) -> None:
    audit.note(Actor(None, "ada@example.org"), "job.run", "analyse", {"next_at": "2026-11-21T23:15:20+00:00"}, {})
    db.session.commit()
    assert "<del>2026-11-21 23:15:20 UTC</del>" in browser.get(PAGE).text
