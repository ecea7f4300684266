"""The page that takes files, and those of their runs."""

from __future__ import annotations

import datetime as dt
import io
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy import event, func, select

from tests.conftest import RedisServer
from tests.factories import add_stock
from tests.webapp.history.past import NOW, admin, browser, cheap_hashes, stranger, today, visitor
from tests.webapp.people import Browser
from webapp.extensions import db
from webapp.history import queries
from webapp.models import IngestRun, RunState, User

__all__ = ["admin", "browser", "cheap_hashes", "stranger", "today", "visitor"]

GOOD = b"date,open,high,low,close,volume\n2020-01-02,10,11,9,10.5,1000\n"
PAGES = ("/history/import", "/history/runs", "/history/runs/1")
HTMX = {"HX-Request": "true"}


def upload(browser: Browser, content: bytes = GOOD, name: str = "bars.csv", **fields: str) -> Any:
    return browser.post("/history/import", {"file": (io.BytesIO(content), name), "symbol": "AAPL"} | fields,
                        content_type="multipart/form-data")


def uploads(app: Flask) -> list[Path]:
    folder = Path(app.config["INSTANCE_DIR"]) / "uploads"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def add_run(**fields: Any) -> IngestRun:
    given = {"kind": "upload", "source": "file", "subject": "bars.csv", "started_at": NOW, "state": "done"} | fields
    run = IngestRun(**given)
    db.session.add(run)
    db.session.commit()
    return run


def test_an_upload_is_kept_for_a_worker(app: Flask, browser: Browser, admin: User, redis: Redis) -> None:
    stock = add_stock("AAPL")
    answer = upload(browser, skip="y", anyway="y", adjusted="splits", made_on="2024-05-06", source="mine", unit="main",
                    mic="XNAS")
    run = db.session.scalars(select(IngestRun)).one()
    assert (answer.status_code, answer.location) == (303, f"/history/runs/{run.id}")
    assert (run.kind, run.subject, run.state, run.instrument_id, run.user_id) == (
        "upload", "bars.csv", "waiting", stock.id, admin.id)
    assert run.options == {"mic": "XNAS", "adjusted": "splits", "made_on": "2024-05-06", "source": "mine",
                           "unit": "main", "skip": True, "anyway": True}
    [path] = uploads(app)
    assert (path.name, path.read_bytes()) == (f"{run.id}.csv", GOOD)
    [job] = Queue("default", connection=redis).jobs
    assert (job.func_name, job.args) == ("worker.jobs.bars_import.import_file", (run.id,))


def test_a_file_larger_than_a_form_is_taken_up_to_the_limit(app: Flask, browser: Browser) -> None:
    add_stock("AAPL")
    assert upload(browser, b"x" * 3_000_000).status_code == 303
    app.config["SETTINGS"].UPLOAD_MB = 1
    answer = upload(browser, b"x" * 2_000_000)
    assert answer.status_code == 413
    assert len(uploads(app)) == 1


def test_nobody_else_may_send_more_than_a_form(app: Flask, stranger: Browser, visitor: Browser) -> None:
    for other in (stranger, visitor):
        assert upload(other, b"x" * 3_000_000).status_code == 413
    assert not uploads(app)


def test_a_stranger_finds_no_such_pages(stranger: Browser) -> None:
    add_run()
    assert [stranger.get(page).status_code for page in PAGES] == [404] * 3
    assert upload(stranger).status_code == 404


def test_a_visitor_is_asked_to_log_in(visitor: Browser) -> None:
    assert all("/login" in visitor.get(page).location for page in PAGES)


def test_an_upload_without_its_token_is_refused(app: Flask, browser: Browser) -> None:
    answer = browser.open("/history/import", "POST", data={"file": (io.BytesIO(GOOD), "bars.csv")},
                          content_type="multipart/form-data")
    assert answer.status_code == 400
    assert not uploads(app)


@pytest.mark.parametrize(("fields", "sentence"), [
    ({"symbol": "WHAT"}, "No stock here is called WHAT."), ({"symbol": "SHEL"}, "Which one: XLON:SHEL, XNYS:SHEL?"),
    ({"source": "simulator"}, "That is the name of simulated prices."),
    ({"made_on": "2031-01-01"}, "That day is still to come.")])
def test_a_form_that_cannot_be_meant_comes_back_with_the_reason(app: Flask, browser: Browser, fields: dict[str, str],
                                                                sentence: str) -> None:
    for symbol, mic in (("AAPL", "XNAS"), ("SHEL", "XLON"), ("SHEL", "XNYS")):
        add_stock(symbol, mic)
    answer = upload(browser, GOOD, "bars.csv", **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert not uploads(app)


def test_a_form_without_a_file_comes_back(browser: Browser) -> None:
    answer = browser.post("/history/import", {"symbol": ""}, content_type="multipart/form-data")
    assert (answer.status_code, "Choose a file." in answer.text) == (422, True)


def test_a_name_of_a_file_is_shown_but_never_a_path(app: Flask, browser: Browser) -> None:
    add_stock("AAPL")
    upload(browser, name="../../etc/<b>passwd")
    run = db.session.scalars(select(IngestRun)).one()
    assert run.subject == "<b>passwd"
    assert uploads(app)[0].name == f"{run.id}.csv"
    page = browser.get(f"/history/runs/{run.id}").text
    assert "<b>passwd" not in page
    assert "&lt;b&gt;passwd" in page


def test_an_upload_that_no_worker_can_be_told_of_fails_at_once(
        app: Flask, browser: Browser, own_redis_server: RedisServer) -> None:
    from webapp import redis as clients

    add_stock("AAPL")
    own_redis_server.stop()
    app.extensions["redis"] = clients.connect(own_redis_server.url, timeout=0.2)
    answer = upload(browser)
    assert answer.status_code == 503
    assert db.session.scalars(select(IngestRun.state)).one() == "failed"


def test_the_page_shows_what_can_be_read_and_the_last_files(browser: Browser) -> None:
    add_run(subject="first.csv")
    add_run(kind="provider", subject="XNAS:AAPL")
    page = browser.get("/history/import").text
    assert all(word in page for word in ("Alpha Vantage", "Otwarcie", "first.csv"))
    assert "/history/runs/2" not in page


def test_a_run_that_goes_on_asks_again_with_and_without_scripts(browser: Browser) -> None:
    run = add_run(state="running", done=250, total=1000)
    page = browser.get(f"/history/runs/{run.id}").text
    assert '<progress id="progress" max="1000" value="250">' in page
    assert 'hx-trigger="every 1s"' in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    part = browser.get(f"/history/runs/{run.id}", headers=HTMX).text
    assert part.lstrip().startswith('<section class="card stack" id="run"')
    assert "<html" not in part


def test_a_run_that_has_ended_stands_still(browser: Browser) -> None:
    run = add_run(added=1234, changed=5, unchanged=6, findings=7, refused=1, finished_at=NOW + dt.timedelta(seconds=3),
                  problems=[[4, "the close is <zero>"]], reason="Read as Yahoo.")
    page = browser.get(f"/history/runs/{run.id}").text
    assert "every 1s" not in page
    assert 'http-equiv="refresh"' not in page
    assert all(text in page for text in ("1,234", "Read as Yahoo.", "the close is &lt;zero&gt;", "3.0 s",
                                         "/history/findings"))


def test_a_run_that_there_is_not_is_a_404(browser: Browser) -> None:
    assert browser.get("/history/runs/99").status_code == 404


def test_every_state_of_a_run_has_its_words(browser: Browser) -> None:
    for state in RunState:
        run = add_run(state=state.value, reason=f"because {state.value}")
        assert f"because {state.value}" in browser.get(f"/history/runs/{run.id}").text


def test_runs_are_listed_the_newest_first_and_filtered(browser: Browser) -> None:
    stock = add_stock("TSLA")
    add_run(subject="one.csv")
    add_run(subject="two.csv", state="refused", reason="It is empty.")
    add_run(kind="provider", source="tiingo", subject="XNAS:TSLA", instrument_id=stock.id, state="skipped")
    page = browser.get("/history/runs").text
    assert re.findall(r'/history/runs/(\d)"', page) == ["3", "2", "1"]
    for words, expected in (("state=refused", ["2"]), ("kind=files", ["2", "1"]), ("kind=providers", ["3"]),
                            ("text=tsla", ["3"]), ("text=ONE", ["1"]), ("text=%25", []), ("text=%00", ["3", "2", "1"]),
                            ("state=nonsense", ["3", "2", "1"]), ("before=2", ["1"]), ("before=x", ["3", "2", "1"]),
                            (f"before={10**30}", ["3", "2", "1"]), (f"before=-{10**30}", ["3", "2", "1"])):
        found = re.findall(r'/history/runs/(\d)"', browser.get(f"/history/runs?{words}").text)
        assert found == expected, words


def test_more_runs_than_a_page_takes_go_on(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries.runs_page, "__defaults__", (2,))
    for number in range(5):
        add_run(subject=f"{number}.csv")
    page = browser.get("/history/runs?kind=files").text
    assert re.findall(r'/history/runs/(\d)"', page) == ["5", "4"]
    assert "/history/runs?before=4&amp;kind=files" in page
    last = browser.get("/history/runs?before=2").text
    assert "Older" not in last
    assert "Newest" in last


def test_pages_take_few_statements_however_many_runs_there_are(app: Flask, browser: Browser) -> None:
    stocks = [add_stock(f"S{number}") for number in range(60)]
    db.session.add_all(IngestRun(kind="provider", subject=stock.symbol, instrument_id=stock.id, started_at=NOW)
                       for stock in stocks)
    db.session.commit()
    asked: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    browser.get("/history/runs")
    event.remove(db.engine, "before_cursor_execute", count)
    assert sum("ingest_runs" in statement or "instruments" in statement for statement in asked) == 1


def test_uploads_are_throttled(app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = {upload(browser, symbol="NONE").status_code for _ in range(125)}
    assert statuses == {422, 429}
    assert db.session.scalar(select(func.count()).select_from(IngestRun)) == 0
