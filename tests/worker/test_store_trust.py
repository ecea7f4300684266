"""What the store does with readings that are not taken at once, and what it keeps of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.worker.conftest import NOW, Vendor, make_instrument, make_quote
from webapp.extensions import db
from webapp.models import (
    Close,
    FeedVersion,
    HeldQuote,
    InstrumentRow,
    ProviderCall,
    QuoteFinding,
    QuoteRow,
    Tick,
)
from webapp.quotes import load_live
from webapp.records import Instrument, Split, State
from webapp.vendors import Limits
from worker import holds, quota
from worker.jobs import trust
from worker.providers.base import ErrorKind, ProviderError
from worker.store import store_quotes, store_readings

pytestmark = pytest.mark.both_databases
SECOND, MINUTE, DAY = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(days=1)


def read(stock: Instrument, price: str, after: dt.timedelta = dt.timedelta(0), source: str = "finnhub",
         **others: Any) -> None:
    """Store one reading, made and fetched so long after NOW, and commit."""
    given = {"previous_close": None, "open": None} | others
    quote = make_quote(stock, price, as_of=NOW + after, source=source, **given)
    store_quotes([quote], NOW + after)
    db.session.commit()


def shown(stock: Instrument) -> tuple[str, str]:
    """Return the price and the problem that pages show."""
    [live] = load_live([stock.id])
    return format(live.quote.price, "f") if live.quote else "", live.problem


def findings() -> list[tuple[str, str, int, str]]:
    rows = db.session.query(QuoteFinding).order_by(QuoteFinding.id)
    return [(row.kind, row.price, row.count, row.outcome) for row in rows]


def test_a_jump_leaves_the_price_and_says_so_until_a_second_reading_agrees(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "62", MINUTE)
    problem = "Unconfirmed: 62 USD of Finnhub, -38 % from the last price, waits for a second reading."
    assert shown(stock) == ("100", problem)
    assert db.session.get_one(HeldQuote, stock.id).readings == 1
    read(stock, "61.5", 2 * MINUTE)
    assert shown(stock) == ("61.5", "")
    assert db.session.get(HeldQuote, stock.id) is None
    assert findings() == [("unconfirmed", "62", 1, "confirmed by a second reading")]
    assert [tick.price for tick in db.session.query(Tick).order_by(Tick.id)] == [Decimal(100), Decimal("61.5")]


def test_a_bad_print_is_contradicted_and_kept_on_record(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "0.01", MINUTE)
    read(stock, "100.2", 2 * MINUTE)
    assert shown(stock) == ("100.2", "")
    assert findings() == [("unconfirmed", "0.01", 1, "contradicted by 100.2")]


def test_a_held_reading_that_comes_again_counts_up_and_spends_no_version(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    for number in range(1, 4):
        read(stock, "62", MINUTE + number * SECOND)
    assert db.session.get_one(HeldQuote, stock.id).readings == 3
    assert db.session.scalar(db.select(FeedVersion.value)) == 2
    assert findings() == [("unconfirmed", "62", 3, "")]


def test_a_rejected_reading_is_kept_with_its_reason(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    stored = store_readings([make_quote(stock, "0", as_of=NOW + MINUTE, source="finnhub")], NOW + MINUTE)
    db.session.commit()
    assert stored.refused == {stock.id}
    assert shown(stock) == ("100", "The provider sent a price that is not a positive number; it was not taken.")
    assert findings() == [("rejected", "0", 1, "")]


def test_time_that_runs_backwards_is_dropped_and_noted(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100", MINUTE)
    read(stock, "101")
    assert shown(stock) == ("100", "")
    assert findings() == [("older", "101", 1, "")]


def test_pence_become_pounds_once(app: Flask) -> None:
    row = db.session.get_one(InstrumentRow, make_instrument("TSCO", "XLON").id)
    row.currency, row.unit = "GBP", "GBX"
    db.session.commit()
    stock = row.record()
    read(stock, "452.30", unit="GBp", sent_unit="", previous_close=Decimal("450.00"))
    [live] = load_live([stock.id])
    assert live.quote is not None
    assert (str(live.quote.price), str(live.quote.previous_close)) == ("4.5230", "4.5000")
    assert (live.quote.unit, live.quote.sent_unit) == ("GBP", "GBp")
    read(stock, "453.00", MINUTE, unit="", sent_unit="")
    assert shown(stock)[0] == "4.5300"


def test_a_price_in_another_currency_is_rejected(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100", unit="EUR")
    assert shown(stock) == ("", "The provider sent a price in EUR, not in USD; it was not taken.")


def test_a_split_is_waited_for_and_explains_the_price(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "25.2", DAY, previous_close=Decimal(100), stated_change=Decimal("-74.8"), previous_day=NOW.date())
    price, problem = shown(stock)
    assert price == "100"
    assert "withheld, because it looks like a 4:1 split" in problem
    read(stock, "25.3", DAY + MINUTE, source="alpaca")
    assert shown(stock)[0] == "100"
    trust.learn(stock.id, Split((NOW + DAY).date(), Decimal(4)), "massive", "Massive")
    db.session.commit()
    assert shown(stock) == ("25.2", "")
    assert load_live([stock.id])[0].change == Decimal("0.2")
    assert findings()[0][3] == "explained by a 4:1 split, as Massive says"
    read(stock, "25.4", DAY + 2 * MINUTE)
    assert shown(stock) == ("25.4", "")


def test_a_split_known_beforehand_lets_the_price_pass(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    holds.note_split(stock.id, Split((NOW + DAY).date(), Decimal("0.1")), "Massive", NOW)
    read(stock, "1003", DAY, previous_close=Decimal(100), stated_change=Decimal(903), previous_day=NOW.date())
    assert shown(stock) == ("1003", "")
    assert load_live([stock.id])[0].change == Decimal(3)


def test_the_close_that_two_of_three_agree_on_is_the_one_the_change_is_against(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100", state=State.CLOSED)
    read(stock, "102", DAY, previous_close=Decimal(97), stated_change=Decimal(2), previous_day=NOW.date())
    [live] = load_live([stock.id])
    assert live.change == Decimal(2)
    [finding] = findings()
    assert finding[0] == "other change"
    assert [(close.day, close.price) for close in db.session.query(Close)] == [(NOW.date(), Decimal(100))]


def test_closes_make_the_deviation_that_a_jump_is_measured_with(app: Flask) -> None:
    stock = make_instrument()
    for number in range(22):
        day = NOW + number * DAY
        read(stock, str(100 + number % 2), number * DAY, previous_close=Decimal(101 - number % 2),
             previous_day=(day - DAY).date())
    deviation = db.session.get_one(QuoteRow, stock.id).deviation
    assert deviation == pytest.approx(0.01, rel=0.1)
    read(stock, "110", 21 * DAY + MINUTE)
    assert "Unconfirmed" in shown(stock)[1]


class Splits(Vendor):
    """A vendor that knows of splits."""

    known: list[Split] | ProviderError

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Say what the test told it."""
        self.asked.append(instrument.symbol)
        if isinstance(self.known, ProviderError):
            raise self.known
        return self.known


@pytest.fixture
def vendor_of_splits(monkeypatch: pytest.MonkeyPatch) -> Splits:
    """The one active provider, with limits."""
    made = Splits(limits=Limits(per_minute=60), title="Massive")
    monkeypatch.setattr("worker.jobs.trust.providers_with", lambda settings, ability: [made])
    return made


def test_a_vendor_is_asked_for_the_split_that_a_price_looks_like(
        app: Flask, redis: Redis, vendor_of_splits: Splits) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "25.2", DAY)
    vendor_of_splits.known = [Split(dt.date(2020, 1, 2), Decimal(4)), Split((NOW + DAY).date(), Decimal(4))]
    assert trust.check_splits() == "1 asked for, 1 known"
    assert shown(stock) == ("25.2", "")
    assert trust.check_splits() == "0 asked for, 0 known"
    assert [(call.subject, call.outcome) for call in db.session.query(ProviderCall)] == [("splits XNYS:IBM", "ok")]


def test_where_the_vendor_knows_of_none_a_second_reading_will_do(
        app: Flask, redis: Redis, vendor_of_splits: Splits) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "50.1", DAY, previous_close=Decimal(100))
    vendor_of_splits.known = []
    trust.check_splits()
    trust.check_splits()
    assert vendor_of_splits.asked == ["IBM"]
    read(stock, "50.2", DAY + MINUTE, previous_close=Decimal(100))
    assert shown(stock) == ("50.2", "")


def test_a_plan_without_splits_is_no_reason_to_stop_quotes(
        app: Flask, redis: Redis, vendor_of_splits: Splits) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "50.1", DAY)
    vendor_of_splits.known = ProviderError(ErrorKind.NOT_ENTITLED, "This needs another plan of Massive.")
    for _ in range(3):
        trust.check_splits()
    assert vendor_of_splits.asked == ["IBM"]
    assert shown(stock)[0] == "100"
    assert quota.refusal_now(vendor_of_splits) is None


def test_a_split_that_is_dated_a_day_late_divides_no_price_twice(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "25.2", DAY)
    trust.learn(stock.id, Split((NOW + 2 * DAY).date(), Decimal(4)), "massive", "Massive")
    db.session.commit()
    assert shown(stock) == ("25.2", "")
    read(stock, "25.6", 2 * DAY)
    assert shown(stock) == ("25.6", "")


def test_a_split_that_lies_ahead_explains_nothing_today(
        app: Flask, redis: Redis, vendor_of_splits: Splits) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "50.1", DAY)
    vendor_of_splits.known = [Split((NOW + 6 * DAY).date(), Decimal(2))]
    trust.check_splits()
    assert shown(stock)[0] == "100"


def test_a_swinging_price_does_not_ask_again_and_again(app: Flask, redis: Redis, vendor_of_splits: Splits) -> None:
    stock = make_instrument()
    read(stock, "100")
    vendor_of_splits.known = []
    for number, price in enumerate(("50", "33.4", "50.2", "33.2")):
        read(stock, price, DAY + number * SECOND)
        trust.check_splits()
    assert vendor_of_splits.asked == ["IBM"]


def test_a_price_from_a_clock_that_was_ahead_does_not_refuse_the_true_ones(app: Flask) -> None:
    stock = make_instrument()
    store_quotes([make_quote(stock, "100", as_of=NOW + 365 * DAY, previous_close=None, open=None)], NOW + 365 * DAY)
    read(stock, "101", MINUTE)
    assert shown(stock) == ("101", "")


def test_a_high_out_of_all_proportion_is_left_out(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100", high=Decimal(9_999_999), low=Decimal(99))
    [live] = load_live([stock.id])
    assert live.quote is not None
    assert (live.quote.high, live.quote.low, live.problem) == (None, None, "")
    assert findings()[0][0] == "rejected"


def test_a_streamed_trade_does_not_narrow_the_days_range(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "105", high=Decimal(110), low=Decimal(101))
    trade = make_quote(stock, "106", as_of=NOW + SECOND, high=Decimal(106), low=Decimal(105), previous_close=None,
                       open=None)
    store_readings([trade], NOW + SECOND, streamed=True)
    db.session.commit()
    [live] = load_live([stock.id])
    assert live.quote is not None
    assert (live.quote.high, live.quote.low) == (Decimal(110), Decimal(101))


def test_a_change_that_lags_is_one_finding(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100", state=State.CLOSED)
    for number in range(20):
        read(stock, f"{101 + number / 10}", DAY + number * MINUTE, previous_close=Decimal(97), previous_day=NOW.date(),
             stated_change=Decimal(number))
    assert len(findings()) == 1


def test_a_reading_that_another_version_held_stops_nothing(app: Flask) -> None:
    stock = make_instrument()
    read(stock, "100")
    read(stock, "62", MINUTE)
    db.session.get_one(HeldQuote, stock.id).quote = {"odd": 1}
    db.session.commit()
    read(stock, "100.5", 2 * MINUTE)
    assert shown(stock) == ("100.5", "")
    assert db.session.get(HeldQuote, stock.id) is None
