"""The first page of admins: how the place is, plainly, also where something is away."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, Worker

from tests.conftest import RedisServer
from tests.factories import add_quote, add_stock
from tests.webapp.admin.conftest import Browser, add_user
from webapp import clock, health_queries
from webapp import redis as redis_clients
from webapp.extensions import db
from webapp.health_queries import size_words, some_of
from webapp.job_names import SCHEDULED
from webapp.models import JobRun, ProviderState, User, Watchlist, WatchlistItem

PAGE = "/admin"
HOUR = dt.timedelta(hours=1)


def line(page: str, name: str) -> tuple[str, str]:
    """Return the word and the sentence of one line."""
    row = next(part for part in page.split("<tr>") if f'<th scope="row">{name}</th>' in part)
    word = re.search(r'<span aria-hidden="true">(.)</span>(\w+)</span>', row)
    words = re.search(r'data-label="In words">(.*?)</td>', row)
    assert word is not None
    assert words is not None
    assert {"✓": "Good", "!": "Look", "✗": "Bad", "?": "Unknown"}[word[1]] == word[2]
    return word[2], words[1]


def read(browser: Browser, name: str) -> tuple[str, str]:
    """Return the word and the sentence of one line as the page has it now."""
    return line(browser.get(PAGE).text, name)


def list_stock(owner: User, *stocks: Any) -> None:
    """Put stocks on the person's list."""
    db.session.add(Watchlist(user_id=owner.id, name="Mine", items=[WatchlistItem(instrument_id=one.id)
                                                                  for one in stocks]))
    db.session.commit()


@pytest.mark.both_databases
def test_the_page_names_database_tables_disk_and_people(app: Flask, browser: Browser) -> None:
    add_user("eve@example.org", locked=True)
    page = browser.get(PAGE).text
    kind = "PostgreSQL" if db.engine.dialect.name == "postgresql" else "SQLite"
    word, words = line(page, "Database")
    assert word == "Good"
    assert re.fullmatch(rf"{kind} answers; [\d.]+ [KM]B\.", words)
    assert line(page, "Tables")[0] == "Good"
    assert re.fullmatch(r"[\d.,]+ [GT]B free of [\d.,]+ [GT]B where the instance folder is\.", line(page, "Disk")[1])
    assert line(page, "People")[1] == "2 people (1 admin, 1 locked), 0 lists, 0 tokens."
    assert line(page, "Redis") == ("Good", "Answers.")


def test_the_part_alone_is_no_whole_page(browser: Browser) -> None:
    part = browser.get(PAGE, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert part.lstrip().startswith('<section class="card stack" id="health"')
    assert 'hx-trigger="every 15s"' in part


def test_each_line_that_can_be_mended_leads_to_where(browser: Browser) -> None:
    page = browser.get(PAGE).text
    for path in ("/admin/jobs", "/admin/providers", "/admin/people", "/admin/streams", "/sources"):
        assert re.search(rf'<a id="see-\d+" href="{path}">', page)


def test_without_redis_the_page_comes_up_and_says_so(app: Flask, browser: Browser,
                                                     own_redis_server: RedisServer) -> None:
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url)
    own_redis_server.stop()
    answer = browser.get(PAGE)
    assert answer.status_code == 200
    assert line(answer.text, "Redis")[0] == "Bad"
    for name in ("Workers", "Scheduler", "Waiting jobs"):
        assert line(answer.text, name) == ("Unknown", "Redis is away, so nobody knows.")
    assert "Something is broken." in answer.text


def test_without_workers_and_schedule_it_says_how_to_start_them(browser: Browser) -> None:
    page = browser.get(PAGE).text
    assert line(page, "Workers") == ("Bad", "None is alive: no job is done. Start one with python -m worker.")
    assert line(page, "Scheduler")[0] == "Bad"
    assert line(page, "Waiting jobs") == ("Good", "None.")


def test_a_worker_that_lives_is_counted(browser: Browser, redis: Redis) -> None:
    worker = Worker(["default"], name="one", connection=redis)
    worker.register_birth()  # type: ignore[no-untyped-call]
    assert read(browser, "Workers") == ("Good", "1 worker; the last sign of life came just now.")
    redis.hset(worker.key, "last_heartbeat", (clock.now() - HOUR).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    assert read(browser, "Workers")[0] == "Bad"


def test_a_schedule_that_stands_still_is_seen(browser: Browser, redis: Redis) -> None:
    now = clock.now().timestamp()
    redis.zadd(SCHEDULED, {"periodic-a": now + 5, "periodic-b": now + 500})
    assert read(browser, "Scheduler") == ("Good", "Keeps the time.")
    redis.zadd(SCHEDULED, {"periodic-c": now - 100})
    word, words = read(browser, "Scheduler")
    assert word == "Bad"
    assert re.match(r"Stands still: a job was due 10\d s ago", words)


@pytest.mark.parametrize(("seconds", "word"), [(5, "Good"), (120, "Look"), (900, "Bad")])
def test_the_oldest_waiting_job_tells_how_far_behind_the_workers_are(browser: Browser, redis: Redis, seconds: int,
                                                                     word: str) -> None:
    job = Queue("default", connection=redis).enqueue("worker.jobs.mail.send_password_reset", "ann@example.org")
    Queue("default", connection=redis).enqueue("worker.jobs.mail.send_password_reset", "bob@example.org")
    job.enqueued_at = clock.now() - dt.timedelta(seconds=seconds)
    job.save()
    page = browser.get(PAGE).text
    assert line(page, "Waiting jobs")[0] == word
    assert line(page, "Waiting jobs")[1].startswith("2 jobs; the oldest was asked for ")
    assert "ann@example.org" not in page


def test_a_job_that_is_gone_in_the_moment_of_looking_is_no_error(browser: Browser, redis: Redis) -> None:
    job = Queue("default", connection=redis).enqueue("worker.jobs.mail.send_password_reset", "ann@example.org")
    redis.delete(job.key)
    assert read(browser, "Waiting jobs") == ("Good", "None.")


@pytest.mark.parametrize(("failures", "word"), [(0, "Good"), (1, "Look"), (3, "Bad")])
def test_jobs_that_fail_are_named(browser: Browser, failures: int, word: str) -> None:
    now = clock.now()
    db.session.add_all([JobRun(name="analyse", started_at=now, failures=failures),
                        JobRun(name="forgotten", started_at=now - 72 * HOUR, failures=9)])
    db.session.commit()
    said = read(browser, "Jobs")
    assert said[0] == word
    assert ("analyse" in said[1]) == (failures > 0)
    assert "forgotten" not in said[1]


@pytest.mark.both_databases
def test_prices_on_lists_that_are_stale_or_missing_are_counted(app: Flask, browser: Browser, admin: User,
                                                               person: User) -> None:
    assert read(browser, "Prices") == ("Good", "None has come yet. No stock is on a list.")
    now = clock.now()
    fresh, stale, none = add_stock("AAPL"), add_stock("MSFT"), add_stock("IBM")
    gone = add_stock("OLD", status="delisted")
    add_quote(fresh, "10", fetched_at=now, stale_at=now + HOUR)
    list_stock(admin, fresh)
    assert read(browser, "Prices") == ("Good", "The newest came just now. Of 1 stock on lists each has a fresh one.")
    add_quote(stale, "10", fetched_at=now, stale_at=now - HOUR)
    list_stock(person, fresh, stale, none, gone)
    word, words = read(browser, "Prices")
    assert word == "Look"
    assert words.endswith("Of 3 stocks on lists 1 has no price and 1 is stale.")


@pytest.mark.parametrize(("state", "word", "sentence"), [
    ({}, "Good", "Simulator: no trouble."),
    ({"stopped_at": -HOUR}, "Bad", "Simulator was paused by an admin 1 h ago."),
    ({"paused_until": HOUR}, "Bad", "Simulator rests until"),
    ({"last_error_at": -HOUR}, "Bad", "Simulator failed 1 h ago."),
    ({"last_error_at": -HOUR, "last_success_at": -HOUR / 2}, "Good", "Simulator: no trouble."),
    ({"paused_until": -HOUR, "last_success_at": -HOUR}, "Good", "Simulator: no trouble.")])
def test_what_keeps_a_provider_from_answering_is_said(browser: Browser, state: dict[str, dt.timedelta], word: str,
                                                      sentence: str) -> None:
    now = clock.now()
    db.session.add(ProviderState(provider="simulator", **{name: now + off for name, off in state.items()}))
    db.session.commit()
    said = read(browser, "Providers")
    assert said[0] == word
    assert said[1].startswith(sentence)


def test_tables_of_another_version_are_seen(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_queries, "_newest_migration", lambda: "9999")
    word, words = read(browser, "Tables")
    assert word == "Bad"
    assert "this version knows 9999" in words


@pytest.mark.parametrize(("free", "word"), [(10**8, "Bad"), (10**9, "Look"), (10**11, "Good")])
def test_a_disk_that_is_nearly_full_is_seen(browser: Browser, monkeypatch: pytest.MonkeyPatch, free: int,
                                            word: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free, total=10**12))
    assert read(browser, "Disk")[0] == word


def test_the_streams_of_this_process_are_counted(app: Flask, browser: Browser) -> None:
    assert read(browser, "Streams") == ("Unknown", "This process carries none.")
    app.extensions["hub"] = SimpleNamespace(viewers={1: None, 2: None})
    assert read(browser, "Streams") == ("Good", "2 open pages on this process.")


@pytest.mark.parametrize(("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1024, "1.0 KB"), (123_456, "121 KB"),
                                             (5 * 1024**3, "5.0 GB"), (10**18, "909,495 TB")])
def test_a_size_is_said_in_its_largest_unit(size: int, words: str) -> None:
    assert size_words(size) == words


def test_of_many_names_some_are_said() -> None:
    assert some_of("abc") == "a, b, c"
    assert some_of("abcdefg") == "a, b, c, d, e and 2 more"
