"""What admins decide of prices that wait is in the audit log, written by the job that does it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from flask import Flask
from redis import Redis

from tests.worker.conftest import NOW, make_instrument
from tests.worker.test_store_trust import DAY, MINUTE, read
from tests.worker.test_trust_decisions import admin
from webapp.extensions import db
from webapp.models import AuditEntry
from worker.jobs import trust

__all__ = ["admin"]


def log() -> Sequence[AuditEntry]:
    db.session.rollback()
    return db.session.query(AuditEntry).order_by(AuditEntry.id).all()


@pytest.mark.both_databases
def test_only_what_was_done_with_a_held_price_is_written_down(app: Flask, admin: int, redis: Redis) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "62", MINUTE)
    trust.settle_hold(stock.id, False, admin)
    read(stock, "63", 2 * MINUTE)
    trust.settle_hold(stock.id, True, admin, "62")  # another price waits by now
    trust.settle_hold(stock.id, True, admin, "63")
    trust.settle_hold(stock.id, True, admin, "63")  # nothing waits
    entries = log()
    assert [(entry.action, entry.subject, entry.user_id) for entry in entries] == [
        ("price.drop", "XNYS:IBM", admin), ("price.take", "XNYS:IBM", admin)]
    assert (entries[1].before, entries[1].after) == (
        {"held": "63", "source": "finnhub", "last_price": "100"}, {"price": "63"})
    assert entries[0].who == "owner-of-a-very-long-address@example.com"


def test_a_split_is_written_down_once_though_its_job_runs_twice(app: Flask, admin: int, redis: Redis) -> None:
    stock, day = make_instrument(), (NOW + DAY).date().isoformat()
    for ratio in ("2", "2", "4"):
        trust.note_split(stock.id, day, ratio, admin)
    assert [(entry.action, entry.before, entry.after) for entry in log()] == [
        ("split.note", {}, {"day": day, "ratio": "2"}),
        ("split.note", {"ratio": "2", "source": "admin"}, {"day": day, "ratio": "4"})]
