"""Who is here now: log-ins that an admin may end, what is watched, and tokens in use."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.conftest import RedisServer
from tests.factories import add_stock
from tests.webapp.admin.conftest import Browser, actions, add_user, log
from webapp import clock
from webapp import redis as redis_clients
from webapp.extensions import db
from webapp.live import bus
from webapp.models import ApiToken, User, UserSession

PAGE = "/admin/streams"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def add_session(user: User, **fields: Any) -> UserSession:
    now = clock.now()
    given = {"created_at": now - dt.timedelta(hours=2), "expires_at": now + dt.timedelta(hours=2),
             "token_hash": f"{user.email}{now.timestamp()}"[:64], "address": "192.0.2.7", "agent": FIREFOX} | fields
    row = UserSession(user_id=user.id, **given)
    db.session.add(row)
    db.session.commit()
    return row


def session_ids() -> set[int]:
    db.session.rollback()
    return {row.id for row in db.session.query(UserSession)}


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/sessions/1/end"])
def test_only_admins_see_who_is_here(visitor: Browser, stranger: Browser, path: str) -> None:
    assert visitor.get(path).headers["Location"].startswith("/login")
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{PAGE}/sessions/1/end").status_code == 404


def test_the_log_ins_that_hold_are_listed_and_no_others(browser: Browser, admin: User, person: User) -> None:
    add_session(person)
    add_session(add_user("old@example.org"), expires_at=clock.now() - dt.timedelta(minutes=1))
    add_session(add_user("locked@example.org", locked=True))
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert "Firefox on Linux" in page.text
    for words in ("ann@example.org", "192.0.2.7", "2 h ago", "you, here", 'aria-current="page">Here now'):
        assert words in page.text
    for words in ("old@example.org", "locked@example.org"):
        assert words not in page.text


@pytest.mark.both_databases
def test_log_ins_are_found_by_address_and_paged(browser: Browser, person: User) -> None:
    expires_at = clock.now() + dt.timedelta(1)
    db.session.add_all(UserSession(user_id=person.id, token_hash=f"hash{number}", expires_at=expires_at)
                       for number in range(120))
    db.session.commit()
    seen: list[str] = []
    path = f"{PAGE}?q=ANN%40"
    while path:
        page = browser.get(path).text
        seen += re.findall(r"/streams/sessions/(\d+)/end", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert (len(seen), len(set(seen))) == (120, 120)
    assert "ada@example.org</a>" not in browser.get(f"{PAGE}?q=ann").text
    assert "Nobody like that is logged in." in browser.get(f"{PAGE}?q=100%25_").text
    for nonsense in ("x", "-1", "99999999999", "%D9%A1"):
        assert browser.get(f"{PAGE}?before={nonsense}&q=a%00").status_code == 200


def test_a_log_in_ends_after_it_was_asked_and_its_pages_leave(
        browser: Browser, person: User, bells: Callable[[], list[dict[str, Any]]]) -> None:
    row = add_session(person)
    number, other = row.id, add_session(person, token_hash="other").id
    path = f"{PAGE}/sessions/{number}/end"
    asked = browser.get(path).text
    assert "Log ann@example.org out of Firefox on Linux?" in asked
    assert number in session_ids()
    # A post that names nobody, or somebody else, is asked anew.
    assert browser.post(path).status_code == 200
    assert browser.post(path, {"person": "ada@example.org"}).status_code == 200
    assert number in session_ids()
    assert bells() == []
    assert browser.post(path, {"person": "ann@example.org"}).status_code == 303
    assert number not in session_ids()
    assert other in session_ids()
    assert bells() == [{"topic": "signed-out", "user": None, "session": number}]
    [entry] = log()
    assert (entry.action, entry.subject, entry.before["device"]) == (
        "session.end", "ann@example.org", "Firefox on Linux")
    assert browser.post(path, {"person": "ann@example.org"}).status_code == 404


def test_the_next_log_in_with_the_same_number_is_left_alone(browser: Browser, person: User) -> None:
    row = add_session(person)
    number, email = row.id, person.email
    path = f"{PAGE}/sessions/{number}/end"
    since = re.search(r'name="since" value="([^"]+)"', browser.get(path).text)
    assert since is not None
    db.session.delete(row)
    db.session.commit()
    add_session(person, id=number, created_at=clock.now())
    assert browser.post(path, {"person": email, "since": since[1]}).status_code == 200
    assert number in session_ids()


def test_a_person_whose_log_in_was_ended_is_asked_to_log_in(app: Flask, browser: Browser, person: User) -> None:
    theirs = Browser(app).log_in(person)
    number = db.session.query(UserSession).filter_by(user_id=person.id).one().id
    assert theirs.get("/account").status_code == 200
    browser.post(f"{PAGE}/sessions/{number}/end", {"person": "ann@example.org"})
    assert theirs.get("/account").headers["Location"].startswith("/login")


def test_an_admin_may_end_the_own_log_in_and_is_told_that_it_is(browser: Browser, admin: User) -> None:
    number = db.session.query(UserSession).filter_by(user_id=admin.id).one().id
    path = f"{PAGE}/sessions/{number}/end"
    assert "This is the log-in that you use at this moment." in browser.get(path).text
    assert browser.post(path, {"person": "ada@example.org"}).headers["Location"] == "/login"
    assert browser.get(PAGE).headers["Location"].startswith("/login")
    assert actions() == ["session.end"]


def test_no_log_in_ends_without_the_forms_token(browser: Browser, person: User) -> None:
    row = add_session(person)
    number = row.id
    answer = browser.open(f"{PAGE}/sessions/{number}/end", "POST", data={"person": "ann@example.org"})
    assert (answer.status_code, number in session_ids()) == (400, True)


def test_what_is_watched_is_told_of_all_processes(browser: Browser, redis: Redis) -> None:
    first, second = add_stock("AAPL"), add_stock("MSFT")
    bus.count_viewers(redis, "one", {first.id: 3, second.id: 1})
    bus.count_viewers(redis, "two", {second.id: 4, 999: 9})
    bus.count_viewers(redis, "idle", {})
    redis.zadd(bus.VIEWERS, {f"{bus.VIEWERS}:gone": 1})
    page = browser.get(PAGE).text
    rows = re.findall(r'<th scope="row">(?:<a[^>]*>|<code>)(\w+)<.*?<td class="num"[^>]*>(\d+)</td>', page)
    assert rows[:5] == [("idle", "0"), ("one", "2"), ("two", "2"), ("MSFT", "5"), ("AAPL", "3")]
    assert "gone" not in dict(rows)
    assert "This process has no streams." in page


def test_only_the_most_watched_twenty_are_named(browser: Browser, redis: Redis) -> None:
    stocks = [add_stock(f"S{number}") for number in range(25)]
    bus.count_viewers(redis, "one", {stock.id: number + 1 for number, stock in enumerate(stocks)})
    page = browser.get(PAGE).text
    assert page.count('<a id="watched-') == 20
    assert "The first 20 of 25." in page


def test_the_streams_of_this_process_are_counted(app: Flask, browser: Browser) -> None:
    def viewer(user_id: int, kind: str) -> SimpleNamespace:
        return SimpleNamespace(user_id=user_id, audience=SimpleNamespace(kind=kind))

    viewers = [viewer(5, "table"), viewer(5, "table"), viewer(0, "chart")]
    app.extensions["hub"] = SimpleNamespace(viewers=dict(enumerate(viewers)))
    page = browser.get(PAGE).text
    for what, count in (("Streams of this web process", 3), ("Of people who are logged in", 1), ("Of visitors", 1),
                        ("Showing: chart", 1), ("Showing: table", 2)):
        assert f"<dt>{what}</dt><dd>{count}</dd>" in page


def test_the_part_about_streams_is_asked_for_alone(browser: Browser) -> None:
    part = browser.get(PAGE, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "Log-ins" not in part
    assert 'hx-get="/admin/streams" hx-trigger="every 5s"' in part


def test_tokens_are_listed_by_their_last_use_without_what_they_are(browser: Browser, person: User) -> None:
    now = clock.now()
    for name, used in (("sheet", now - dt.timedelta(hours=3)), ("bot", now - dt.timedelta(minutes=3)), ("idle", None)):
        db.session.add(ApiToken(user_id=person.id, name=name, token_hash=f"HASH{name}", prefix=f"sw_{name}",
                                scope="read", last_used_at=used))
    db.session.commit()
    page = browser.get(PAGE).text
    assert page.index("sw_bot") < page.index("sw_sheet")
    assert "3 min ago" in page
    assert "sw_bot…" in page
    for absent in ("sw_idle", "HASH"):
        assert absent not in page


def test_while_redis_is_away_log_ins_can_still_be_ended(
        app: Flask, browser: Browser, person: User, own_redis_server: RedisServer) -> None:
    row = add_session(person)
    number = row.id
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url, timeout=0.2, retries=0)
    own_redis_server.stop()
    page = browser.get(PAGE)
    assert (page.status_code, "Redis is away" in page.text, "ann@example.org" in page.text) == (200, True, True)
    assert browser.post(f"{PAGE}/sessions/{number}/end", {"person": "ann@example.org"}).status_code == 303
    assert number not in session_ids()
