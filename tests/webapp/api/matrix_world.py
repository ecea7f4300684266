"""A place with something of everything, and everybody who may ask, for the matrix of routes and askers."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from redis import Redis
from rq import Queue
from rq.job import Job, JobStatus
from werkzeug.test import TestResponse

from tests.conftest import RedisServer, Settings
from tests.factories import add_quote, add_snapshot, add_stock
from tests.webapp.findings.conftest import add_hold, finding
from tests.webapp.history.past import add_bars, add_fault, weekdays
from tests.webapp.people import PASSWORD, Browser
from webapp import lists
from webapp.accounts import invitations, passwords, tokens
from webapp.accounts import service as accounts
from webapp.app import create_app
from webapp.audit import Actor
from webapp.extensions import db
from webapp.models import IngestRun, Scope, User
from webapp.screener import criteria
from webapp.screener import service as screens
from webapp.stocks.rows import version_of
from webapp.watchlists.service import write_note

DAY = dt.date(2026, 11, 20)
FAILED, PERIODIC = "a-failed-job", "purge"


@dataclass
class Asker:
    """Somebody who asks: a browser's cookie, and the token of its forms; a program's token."""

    cookie: str
    form_token: str
    bearer: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Return what is sent with every request."""
        return {"Cookie": self.cookie} | ({"Authorization": f"Bearer {self.bearer}"} if self.bearer else {})


@dataclass
class World:
    """The place, as it was built: `facts` fill addresses and forms; it can be made so again at any time."""

    app: Flask
    redis: Redis
    database: Path
    askers: dict[str, Asker] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    kept: dict[bytes, bytes] = field(default_factory=dict)
    touched: bool = True

    def keep(self) -> None:
        """Remember how everything is now."""
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
        shutil.copyfile(self.database, self.database.with_suffix(".kept"))
        self.kept = {key: dump for key in self.redis.scan_iter() if (dump := self.redis.dump(key))}

    def restore(self) -> None:
        """Make everything as it was."""
        self.forget()
        if not self.touched:
            return
        with self.app.app_context():
            db.engine.dispose()
        for end in ("-wal", "-shm"):
            Path(f"{self.database}{end}").unlink(missing_ok=True)
        shutil.copyfile(self.database.with_suffix(".kept"), self.database)
        self.touched = False

    def forget(self) -> None:
        """Make Redis as it was: nobody has asked too often."""
        with self.redis.pipeline() as pipe:
            pipe.flushall()
            for key, dump in self.kept.items():
                pipe.restore(key, 0, dump)
            pipe.execute()

    def ask(self, name: str, method: str, path: str, **options: Any) -> TestResponse:
        """Send one request as somebody."""
        asker = self.askers[name]
        headers = asker.headers | {"X-CSRFToken": asker.form_token}
        client = self.app.test_client(use_cookies=False)
        answer = Context().run(client.open, path, method=method, headers=headers, **options)
        # Who is refused or sent to log in has changed nothing, which other tests see to.
        self.touched |= method != "GET" and answer.status_code < 400 and "next=" not in (answer.location or "")
        return answer


@contextmanager
def built(folder: Path, template: Path, server: RedisServer, redis: Redis) -> Iterator[World]:
    """Build it."""
    database = folder / "stagewatch.db"
    shutil.copyfile(template, database)
    app = create_app(Settings(folder / "instance", server.url, f"sqlite:///{database}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        world = World(app, redis, database)
        with app.app_context():
            people = {name: add_user(name) for name in ("owner", "stranger", "admin", "locked", "spare")}
            fill(world, people)
            add_jobs(redis)
            add_askers(world, people)
        world.keep()
        world.restore()
        yield world
        with app.app_context():
            db.engine.dispose()


def add_user(name: str) -> User:
    """Add a person."""
    user = accounts.create_user(f"{name}@example.org", PASSWORD, admin=name == "admin")
    db.session.commit()
    return user


def fill(world: World, people: dict[str, User]) -> None:
    """Add stocks with a past, what is the owner's, and what waits for the admin."""
    stock, other = add_stock("AAPL", starter=True), add_stock("MSFT", starter=True)
    for each in (stock, other):
        add_quote(each, "228.52")
        add_snapshot(each)
    series = add_bars(stock, weekdays(dt.date(2026, 10, 1), DAY), "my-file")
    fault = add_fault(series, DAY)
    add_hold(stock, "150")
    owner, spare = people["owner"], people["spare"]
    watchlist = lists.create_watchlist(owner.id, "Tech")
    lists.add_symbols(watchlist, [stock.id])
    write_note(watchlist, stock.id, "fruit")
    screen = screens.save_screen(owner.id, "Leaders", criteria.Criteria())
    run = IngestRun(kind="csv", source="csv", subject="aapl.csv", instrument_id=stock.id, state="done",
                    started_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC))
    db.session.add_all([finding(stock), run])
    token, _text = tokens.create_token(owner, "spare", Scope.READ, None)
    invitation = invitations.invite(Actor(people["admin"].id, people["admin"].email), "new@example.org", admin=False)
    session, _token = accounts.open_session(owner, lasting=False, address="", agent="")
    db.session.commit()
    world.facts = {
        "watchlist_id": watchlist.id, "instrument_id": stock.id, "other_id": other.id, "token_id": token.id,
        "prefix": token.prefix, "screen_id": screen.id, "user_id": spare.id, "user_email": spare.email,
        "invitation_id": invitation.id, "session_id": session.id, "series_id": series.id, "number": fault.id,
        "run_id": run.id, "day": DAY.isoformat(), "mic": "XNAS", "symbol": "AAPL", "stock": "XNAS:AAPL",
        "provider": "simulator", "job_id": FAILED, "periodic": PERIODIC, "code": "unknown-symbol",
        "filename": "app.css", "state": "failed", "invitation": invitations.token_of(invitation),
        "reset": accounts.reset_token(owner), "shared": screen.token, "seen": version_of(stock),
        "owner_email": owner.email}


def add_jobs(redis: Redis) -> None:
    """Add a job that failed, and a periodic one."""
    queue = Queue("default", connection=redis)
    failed = queue.enqueue("worker.jobs.upkeep.clean_up", job_id=FAILED)
    queue.remove(failed)
    failed.set_status(JobStatus.FAILED)
    queue.failed_job_registry.add(failed, exc_string="RuntimeError: the disk is full")
    periodic = Job.create("worker.jobs.upkeep.clean_up", id=f"periodic-{PERIODIC}", connection=redis)
    periodic.origin = "default"
    periodic.save()
    redis.zadd("rq:scheduler:scheduled_jobs", {periodic.id: 1_900_000_000})


def add_askers(world: World, people: dict[str, User]) -> None:
    """Log everybody in, make their tokens, and lock the one who is to be locked."""
    for name, user in [("nobody", None), *((name, people[name]) for name in ("stranger", "owner", "admin", "locked"))]:
        browser = Browser(world.app)
        if user is not None:
            browser.log_in(user)
        browser.post("/preferences", {"theme": "auto", "palette": "green-up"})
        cookie = browser.client.get_cookie(world.app.config["SESSION_COOKIE_NAME"])
        assert cookie is not None
        world.askers[name] = Asker(f"{cookie.key}={cookie.value}", browser.token)
    for name, person, scope in (("stranger token", "stranger", Scope.WRITE), ("read token", "owner", Scope.READ),
                                ("write token", "owner", Scope.WRITE), ("admin token", "admin", Scope.ADMIN),
                                ("locked token", "locked", Scope.WRITE)):
        _row, text = tokens.create_token(db.session.get_one(User, people[person].id), name, scope, None)
        nobody = world.askers["nobody"]
        world.askers[name] = Asker(nobody.cookie, nobody.form_token, text)
    # As if it had just happened: the log-in is still there.
    people["locked"].locked = True
    db.session.commit()
