"""Past days of a real provider's module, over real HTTP on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask

from tests.worker.conftest import Clock, make_instrument, watch
from tests.worker.history.archive import TUESDAY, weekdays
from tests.worker.history.conftest import rows
from tests.worker.providers.conftest import Vendor
from webapp.bars.reading import load_past
from webapp.extensions import db
from webapp.models import InstrumentRow, ProviderCall
from webapp.records import Dividend, Split
from worker.jobs.bars import fetch_bars

pytestmark = pytest.mark.usefixtures("set_clock", "sessions", "benchmark")
DAYS = weekdays(TUESDAY, 30)


@pytest.fixture
def server(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Tiingo, as the one provider with a key."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Vendor()
    settings = app.config["SETTINGS"]
    settings.ALPHA_VANTAGE_API_KEY, settings.TIINGO_API_KEY, settings.TIINGO_URL = "", "key", made.url
    yield made
    made.stop()


def answer(first: int = 0) -> list[dict[str, object]]:
    """Rows of days from the one of this number on, with a 2:1 split on day 20 and a dividend on day 25."""
    return [{"date": f"{day}T00:00:00.000Z", "open": price, "high": price, "low": price, "close": price, "volume": 10,
             "adjClose": 50, "divCash": 0.5 if number == 25 else 0.0, "splitFactor": 2.0 if number == 20 else 1.0}
            for number, day in enumerate(DAYS) if number >= first and (price := 100.0 if number < 20 else 50.0)]


def test_days_splits_and_dividends_come_in_one_counted_call(server: Vendor) -> None:
    server.say(answer())
    stock = make_instrument()
    watch(stock)
    assert fetch_bars() == "1 fetched, 0 without days, 0 left"
    past = load_past([stock.id])[stock.id]
    assert set(past.series.close) == {50.0}
    assert past.raw_close[:20].tolist() == [100.0] * 20
    assert past.splits == (Split(DAYS[20], Decimal(2)),)
    assert past.dividends == (Dividend(DAYS[25], Decimal("0.5")),)
    assert [row.subject for row in db.session.query(ProviderCall)] == ["history days XNYS:IBM"]
    assert server.paths == ["/tiingo/daily/IBM/prices"]


@pytest.mark.parametrize(("status", "body", "state"), [
    (404, {"detail": "Not found."}, "refused"), (500, "oops", "failed"), (200, "not json", "failed"),
    (200, [{"date": "2026-03-10T00:00:00.000Z", "close": -1}], "failed"),
    (429, {"detail": "You have run over your hourly request allocation."}, "skipped")])
def test_an_answer_that_cannot_be_used_is_on_record_and_nothing_is_stored(
        server: Vendor, set_clock: Clock, status: int, body: object, state: str) -> None:
    server.say(body, status)
    stock = make_instrument()
    watch(stock)
    fetch_bars()
    assert [row[:3] for row in rows()] == [("tiingo", "XNYS:IBM", state)]
    assert "key" not in rows()[0][3]
    assert load_past([stock.id]) == {}
    assert db.session.query(ProviderCall).count() == 1
    assert db.session.get_one(InstrumentRow, stock.id).status == "listed"
