"""What admins decide of prices that wait: the job that takes or drops them, and the one that notes a split."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.worker.conftest import NOW, make_instrument
from tests.worker.test_store_trust import DAY, MINUTE, findings, read, shown
from webapp.extensions import db
from webapp.models import AuditEntry, SplitRow, User
from worker import store
from worker.jobs import trust

pytestmark = pytest.mark.both_databases


@pytest.fixture
def admin(app: Flask) -> int:
    """The number of an account that runs the place."""
    user = User(email="owner-of-a-very-long-address@example.com", password_hash="x", admin=True)
    db.session.add(user)
    db.session.commit()
    return user.id


def test_an_admin_may_take_or_drop_what_waits(app: Flask, admin: int, redis: Redis) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "62", MINUTE)
    assert trust.settle_hold(stock.id, False, admin) == "dropped"
    assert shown(stock) == ("100", "")
    read(stock, "63", 2 * MINUTE)
    for take in (True, False):
        assert trust.settle_hold(stock.id, take, admin, "62") == "another price waits by now"
    assert trust.settle_hold(stock.id, True, admin, "63") == "taken"
    assert shown(stock) == ("63", "")
    assert findings()[-1][3] == "taken by owner-of-a-very-long-address@example.com"
    assert trust.settle_hold(stock.id, True, admin) == "nothing waits"


def test_of_two_answers_at_once_one_counts(app: Flask, admin: int, redis: Redis,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "62", MINUTE)
    number, take = stock.id, store.take_held
    said: list[str] = []
    db.session.commit()

    def slowly(*args: Any) -> Any:
        time.sleep(0.1)
        return take(*args)

    def answer() -> None:
        with app.app_context():
            said.append(trust.settle_hold(number, True, admin, "62"))

    monkeypatch.setattr(store, "take_held", slowly)
    threads = [threading.Thread(target=answer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(said) == ["nothing waits", "taken"]
    assert db.session.query(AuditEntry).count() == 1


def test_who_was_locked_meanwhile_decides_nothing(app: Flask, admin: int, redis: Redis) -> None:
    db.session.get_one(User, admin).locked = True
    stock = make_instrument()
    read(stock, "100")
    read(stock, "62", MINUTE)
    assert trust.settle_hold(stock.id, True, admin, "62") == "nothing waits"
    assert trust.note_split(stock.id, "2026-03-11", "2", admin) == "not for this person"


def test_nobody_else_may(app: Flask, admin: int, redis: Redis) -> None:
    db.session.get_one(User, admin).admin = False
    stock = make_instrument()
    read(stock, "100")
    read(stock, "62", MINUTE)
    assert trust.settle_hold(stock.id, True, admin) == "nothing waits"
    assert trust.note_split(stock.id, "2026-03-11", "2", admin) == "not for this person"
    assert shown(stock)[0] == "100"
    assert db.session.query(SplitRow).count() == 0


def test_an_admin_may_tell_of_a_split(app: Flask, admin: int, redis: Redis) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "50.1", DAY)
    assert trust.note_split(stock.id, (NOW + DAY).date().isoformat(), "2", admin) == "kept"
    assert shown(stock) == ("50.1", "")
