"""What is thrown away, and what is not."""

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask

from tests.worker.conftest import NOW, Clock, make_instrument
from webapp.extensions import db
from webapp.models import ProviderCall, QuoteFinding, QuoteGap, SymbolSearch, Tick, User, UserSession
from worker.jobs import upkeep
from worker.jobs.upkeep import purge_old_rows


def add_ticks(count: int, oldest: dt.timedelta, step: dt.timedelta = dt.timedelta(seconds=2)) -> None:
    stock = make_instrument(f"S{count}")
    db.session.add_all(Tick(instrument_id=stock.id, version=1, price=Decimal(1), source="x",
                            as_of=NOW - oldest + number * step) for number in range(count))
    db.session.commit()


@pytest.mark.both_databases
def test_ticks_are_kept_for_days(app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 10)
    add_ticks(35, dt.timedelta(days=7, seconds=50))
    assert purge_old_rows() == "25 ticks and 0 other rows deleted"
    assert min(tick.as_of for tick in db.session.query(Tick)) == NOW - dt.timedelta(days=7)


@pytest.mark.both_databases
def test_ticks_are_kept_up_to_a_number_the_newest_of_them(
        app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 10)
    app.config["SETTINGS"].TICK_ROWS = 12
    add_ticks(40, dt.timedelta(seconds=80))
    purge_old_rows()
    assert sorted(tick.as_of for tick in db.session.query(Tick)) == [
        NOW - dt.timedelta(seconds=2 * number) for number in range(12, 0, -1)]
    assert purge_old_rows() == "0 ticks and 0 other rows deleted"


def test_old_gaps_calls_and_log_ins_go_and_new_ones_stay(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument()
    user = User(email="a@example.org", password_hash="x")
    db.session.add(user)
    db.session.flush()
    for days in (1, 9):
        moment = NOW - dt.timedelta(days=days)
        db.session.add(QuoteGap(instrument_id=stock.id, started_at=moment, ended_at=moment, reason="x"))
        db.session.add(ProviderCall(provider="x", started_at=moment))
        db.session.add(UserSession(user_id=user.id, token_hash=str(days), expires_at=NOW + dt.timedelta(days=5 - days)))
    db.session.commit()
    assert purge_old_rows() == "0 ticks and 3 other rows deleted"
    assert [db.session.query(model).count() for model in (QuoteGap, ProviderCall, UserSession)] == [1, 1, 1]


@pytest.mark.both_databases
def test_findings_are_kept_for_three_months_and_searches_for_a_week(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument()
    for days in (7, 9, 89, 91):
        moment = NOW - dt.timedelta(days=days)
        db.session.add(SymbolSearch(text=f"{days}", asked_at=moment))
        db.session.add(QuoteFinding(instrument_id=stock.id, kind="rejected", source="x", price="0", as_of=moment,
                                    reason="x", first_at=moment, last_at=moment))
    db.session.commit()
    assert purge_old_rows() == "0 ticks and 4 other rows deleted"
    assert [row.text for row in db.session.query(SymbolSearch)] == ["7"]
    assert db.session.query(QuoteFinding).count() == 3
