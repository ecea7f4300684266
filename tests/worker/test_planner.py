"""Who is fetched, and in which order."""

import dataclasses
import datetime as dt

import pytest
from flask import Flask

from tests.worker.conftest import NOW, Vendor, make_instrument, make_quote, watch
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import InstrumentRow, ProviderCall, RefreshPlan
from webapp.records import Instrument, State
from webapp.vendors import Limits
from worker import outlook
from worker.outlook import Outlook
from worker.planner import due_calls
from worker.store import store_quotes

FREE = Limits(per_second=1 / 1.1, per_day=25)
MONDAY_CLOSE = dt.datetime(2026, 3, 9, 20, 0, tzinfo=dt.UTC)
TUESDAY_CLOSE = MONDAY_CLOSE + dt.timedelta(days=1)


def free_vendor(**others: object) -> Vendor:
    return Vendor(limits=FREE, delay=State.END_OF_DAY, **others)  # type: ignore[arg-type]


def due(vendor: Vendor, sessions: SessionBook, *on_screen: Instrument, now: dt.datetime = NOW) -> list[str]:
    plan = due_calls(now, vendor, sessions, dict.fromkeys((stock.id for stock in on_screen), 1))
    return [stock.symbol for call in plan.calls for stock in call.instruments]


def price(stock: Instrument, as_of: dt.datetime) -> None:
    store_quotes([make_quote(stock, as_of=as_of, as_of_is_day=True, state=State.END_OF_DAY)], NOW)
    db.session.commit()


def record_call(stock: Instrument, outcome: str, ago: dt.timedelta) -> None:
    db.session.add(ProviderCall(provider="vendor", subject=stock.key, started_at=NOW - ago, outcome=outcome))
    db.session.commit()


def test_only_what_somebody_watches_is_due(app: Flask, sessions: SessionBook) -> None:
    listed, on_screen, _nobody = make_instrument("LISTED"), make_instrument("SCREEN"), make_instrument("NOBODY")
    watch(listed)
    assert sorted(due(Vendor(batch_size=10), sessions, on_screen)) == ["LISTED", "SCREEN"]


def test_a_provider_without_a_quota_fills_the_front_page_once(app: Flask, sessions: SessionBook) -> None:
    starter = make_instrument("START", starter=True)
    assert due(Vendor(), sessions) == ["START"]
    price(starter, NOW)
    assert due(Vendor(), sessions) == []
    assert due(Vendor(), sessions, starter) == ["START"]


def test_a_provider_with_a_quota_fetches_no_stock_that_nobody_watches(app: Flask, sessions: SessionBook) -> None:
    make_instrument("START", starter=True)
    assert due(free_vendor(), sessions) == []


def test_calls_are_as_large_as_the_provider_takes(app: Flask, sessions: SessionBook) -> None:
    stocks = [make_instrument(f"S{number}") for number in range(5)]
    plan = due_calls(NOW, Vendor(batch_size=2), sessions, dict.fromkeys((stock.id for stock in stocks), 1))
    assert [len(call.instruments) for call in plan.calls] == [2, 2, 1]


def test_picks_on_a_screen_come_first_then_picks_then_the_front_page_the_oldest_first(
        app: Flask, sessions: SessionBook) -> None:
    names = ("START", "OLDPICK", "NEWPICK", "SEENPICK", "OLDSTART")
    stocks = {name: make_instrument(name, starter="START" in name) for name in names}
    watch(stocks["OLDPICK"], stocks["NEWPICK"], stocks["SEENPICK"])
    price(stocks["OLDPICK"], MONDAY_CLOSE)
    price(stocks["SEENPICK"], MONDAY_CLOSE)
    price(stocks["OLDSTART"], MONDAY_CLOSE)
    seen = (stocks["START"], stocks["OLDSTART"], stocks["SEENPICK"])
    assert due(free_vendor(), sessions, *seen) == ["SEENPICK", "NEWPICK", "OLDPICK", "START", "OLDSTART"]


@pytest.mark.parametrize(("as_of", "now", "expected"), [
    (TUESDAY_CLOSE, NOW, False),
    (MONDAY_CLOSE, NOW, True),
    (TUESDAY_CLOSE, dt.datetime(2026, 3, 11, 20, 20, tzinfo=dt.UTC), False),
    (TUESDAY_CLOSE, dt.datetime(2026, 3, 11, 20, 30, tzinfo=dt.UTC), True),
    (dt.datetime(2026, 3, 10, 16, 0, tzinfo=dt.UTC), NOW, True),
    (dt.datetime(2026, 3, 13, 20, 0, tzinfo=dt.UTC), dt.datetime(2026, 3, 15, 12, 0, tzinfo=dt.UTC), False),
])
def test_an_end_of_day_price_is_due_when_the_next_close_has_settled(
        app: Flask, sessions: SessionBook, as_of: dt.datetime, now: dt.datetime, expected: bool) -> None:
    stock = make_instrument()
    store_quotes([make_quote(stock, as_of=as_of, state=State.END_OF_DAY)], as_of)
    assert (due(free_vendor(), sessions, stock, now=now) == ["IBM"]) is expected


def test_an_exchange_without_a_calendar_is_asked_once_a_day(app: Flask, sessions: SessionBook) -> None:
    stock = make_instrument("X", mic="XXXX")
    price(stock, NOW - dt.timedelta(hours=20))
    assert due(free_vendor(), sessions, stock) == []
    assert due(free_vendor(), sessions, stock, now=NOW + dt.timedelta(hours=5)) == ["X"]


@pytest.mark.parametrize(("outcomes", "minutes", "expected"), [
    (["unknown symbol: We do not know it."], 60 * 23, False),
    (["unknown symbol: We do not know it."], 60 * 24, True),
    (["ok"], 170, False),
    (["ok"], 180, True),
    (["broken answer: Not JSON."], 9, False),
    (["unreachable: Too slow."], 10, True),
    (["unreachable: Too slow.", "broken answer: Not JSON."], 19, False),
    (["unreachable: Too slow.", "broken answer: Not JSON."], 20, True),
    (["throttled for a second: Slower."], 0, True),
    (["started"], 0, True),
])
def test_a_stock_that_was_asked_for_lately_rests(app: Flask, sessions: SessionBook, outcomes: list[str],
                                                 minutes: int, expected: bool) -> None:
    stock = make_instrument()
    for number, outcome in enumerate(outcomes):
        record_call(stock, outcome, dt.timedelta(minutes=minutes + len(outcomes) - 1 - number))
    assert (due(free_vendor(), sessions, stock) == ["IBM"]) is expected


def test_the_front_page_takes_at_most_half_of_the_day_so_that_picks_find_quota(
        app: Flask, sessions: SessionBook) -> None:
    starters = [make_instrument(f"S{number:02}", starter=True) for number in range(20)]
    pick = make_instrument("PICK")
    watch(pick)
    for stock in starters[:8]:
        record_call(stock, "ok", dt.timedelta(hours=1))
    record_call(pick, "ok", dt.timedelta(hours=5))
    plan = due_calls(NOW, free_vendor(), sessions, dict.fromkeys((stock.id for stock in starters), 1))
    assert [call.subject for call in plan.calls] == ["XNYS:PICK", "XNYS:S08", "XNYS:S09", "XNYS:S10", "XNYS:S11"]
    assert [stock.symbol for stock in plan.held_back] == [f"S{number}" for number in range(12, 20)]


def test_without_a_daily_limit_nothing_is_held_back(app: Flask, sessions: SessionBook) -> None:
    for number in range(20):
        make_instrument(f"S{number:02}", starter=True)
    paid = Vendor(limits=Limits(per_second=5, per_minute=75), delay=State.END_OF_DAY)
    plan = due_calls(NOW, paid, sessions, {})
    assert (len(plan.calls), plan.held_back) == (20, [])


def test_what_a_provider_does_not_know_is_left_to_the_next_one(app: Flask, sessions: SessionBook) -> None:
    known, unknown = make_instrument("KNOWN"), make_instrument("NEW")
    watch(known, unknown)
    first = Vendor(limits=Limits(per_minute=60), name="first")
    db.session.add(ProviderCall(provider="first", subject=unknown.key, started_at=NOW, outcome="unknown symbol: none"))
    db.session.commit()
    plan = due_calls(NOW, Vendor(limits=Limits(per_minute=60)), sessions, {}, before=[first])
    assert [call.instruments for call in plan.calls] == [(unknown,)]


def test_a_reading_that_waits_is_asked_for_from_the_next_provider_too(app: Flask, sessions: SessionBook) -> None:
    stock = make_instrument("JUMP")
    watch(stock)
    for price_then, source in (("100", "first"), ("50", "first")):
        store_quotes([make_quote(stock, price_then, as_of=NOW, source=source, previous_close=None)], NOW)
    db.session.commit()
    first, second = (Vendor(limits=Limits(per_minute=60), name=name) for name in ("first", "second"))
    for vendor, before in ((first, []), (second, [first])):
        plan = due_calls(NOW, vendor, sessions, {}, before=before)
        assert [call.instruments for call in plan.calls] == [(stock,)]


def test_what_is_streamed_is_not_polled(app: Flask, sessions: SessionBook) -> None:
    stock = make_instrument("LIVE")
    watch(stock)
    plan = due_calls(NOW, Vendor(limits=Limits(per_minute=60)), sessions, {}, streamed={stock.id})
    assert plan.calls == []
    assert plan.outlook[stock.id].streamed


def test_what_is_no_longer_listed_is_not_asked_for(app: Flask, sessions: SessionBook) -> None:
    stock = make_instrument("GONE")
    watch(stock)
    db.session.get_one(InstrumentRow, stock.id).status = "delisted"
    db.session.commit()
    assert due(Vendor(limits=Limits(per_minute=60)), sessions) == []


def test_many_viewers_weigh_more_than_one(app: Flask, sessions: SessionBook) -> None:
    crowd, single = make_instrument("CROWD"), make_instrument("SINGLE")
    store_quotes([make_quote(crowd), make_quote(single)], NOW)
    db.session.commit()
    plan = due_calls(NOW, Vendor(limits=Limits(per_minute=6)), sessions, {crowd.id: 400, single.id: 1})
    assert plan.paces[single.id] / plan.paces[crowd.id] == pytest.approx(20)


def test_every_stock_has_an_outlook_with_its_reason(app: Flask, sessions: SessionBook) -> None:
    fresh, unknown, new = make_instrument("FRESH"), make_instrument("UNKNOWN"), make_instrument("NEW")
    watch(fresh, unknown, new)
    store_quotes([make_quote(fresh)], NOW)
    record_call(unknown, "unknown symbol: none", dt.timedelta(minutes=5))
    vendor = Vendor(limits=Limits(per_minute=6))
    found = due_calls(NOW, vendor, sessions, {}).outlook
    assert found[fresh.id].interval_s
    assert found[fresh.id].next_at == NOW + dt.timedelta(seconds=found[fresh.id].interval_s or 0)
    assert (found[new.id].next_at, found[new.id].reason) == (NOW, "")
    assert "unknown symbol" in found[unknown.id].reason
    assert found[unknown.id].next_at == NOW + dt.timedelta(hours=23, minutes=55)
    shut = due_calls(TUESDAY_CLOSE + dt.timedelta(hours=3), vendor, sessions, {}).outlook[fresh.id]
    assert shut.interval_s is None


def test_a_shut_market_says_when_it_opens(app: Flask, sessions: SessionBook) -> None:
    stock = make_instrument("SHUT")
    watch(stock)
    evening = TUESDAY_CLOSE + dt.timedelta(hours=3)
    store_quotes([make_quote(stock, as_of=evening)], evening)
    db.session.commit()
    one = due_calls(evening, Vendor(limits=Limits(per_minute=6)), sessions, {}).outlook[stock.id]
    assert (one.next_at, one.reason) == (dt.datetime(2026, 3, 11, 13, 30, tzinfo=dt.UTC), "its market is shut")


@pytest.mark.both_databases
def test_the_outlook_is_kept_and_only_what_changed_is_written(app: Flask, sessions: SessionBook) -> None:
    stock, other = make_instrument("KEPT"), make_instrument("LEFT")
    vendor = Vendor(limits=Limits(per_minute=6))
    one = Outlook(60.0, NOW, "", 1.0, 0.02)
    outlook.write(vendor, {stock.id: one, other.id: one}, NOW)
    later = NOW + dt.timedelta(seconds=10)
    outlook.write(vendor, {stock.id: dataclasses.replace(one, next_at=NOW + dt.timedelta(seconds=4))}, later)
    db.session.commit()
    [row] = db.session.query(RefreshPlan)
    assert (row.instrument_id, row.interval_s, row.next_at, row.planned_at) == (stock.id, 60.0, NOW, NOW)
    outlook.write(vendor, {stock.id: dataclasses.replace(one, next_at=NOW + dt.timedelta(seconds=60))}, later)
    db.session.commit()
    db.session.expire_all()
    assert db.session.get_one(RefreshPlan, stock.id).planned_at == later


def test_a_price_that_came_ends_the_rest_after_faults_and_none_is_long(app: Flask, sessions: SessionBook) -> None:
    again, ever = make_instrument("AGAIN"), make_instrument("EVER")
    watch(again, ever)
    for minutes in range(60, 0, -1):
        record_call(ever, "unreachable: it did not answer", dt.timedelta(minutes=minutes))
        record_call(again, "unreachable: it did not answer", dt.timedelta(minutes=minutes + 1))
    store_quotes([make_quote(again, as_of=NOW - dt.timedelta(minutes=1))], NOW - dt.timedelta(minutes=1))
    db.session.commit()
    found = due_calls(NOW, Vendor(limits=Limits(per_minute=60)), sessions, {}).outlook
    assert "last call brought nothing" not in found[again.id].reason
    assert found[ever.id].next_at == NOW + dt.timedelta(minutes=9)


def test_stocks_of_nobodys_list_do_not_take_the_calls_of_picks(app: Flask, sessions: SessionBook) -> None:
    picks = [make_instrument(f"PICK{number}") for number in range(5)]
    watch(*picks)
    store_quotes([make_quote(stock) for stock in picks], NOW)
    strangers = [make_instrument(f"N{number:04}") for number in range(100)]
    for number in range(55):
        record_call(strangers[number], "ok", dt.timedelta(seconds=number - 600))
    on_screen = {stock.id: 1 for stock in strangers}
    later = NOW + dt.timedelta(minutes=10)
    plan = due_calls(later, Vendor(limits=Limits(per_minute=60)), sessions, on_screen)
    asked = [stock.symbol for call in plan.calls for stock in call.instruments]
    assert asked[:5] == sorted(stock.symbol for stock in picks)
    assert len(asked) - 5 == 60 - 55


def test_a_reserve_of_the_days_calls_is_kept_for_new_picks(app: Flask, sessions: SessionBook) -> None:
    old, new = [make_instrument(f"OLD{number:02}") for number in range(24)], make_instrument("NEW")
    watch(*old, new)
    for stock in old:
        price(stock, MONDAY_CLOSE)
    asked = due(free_vendor(), sessions)
    assert len(asked) == 23
    assert "NEW" in asked


def test_searches_do_not_use_up_the_front_pages_share(app: Flask, sessions: SessionBook) -> None:
    starters = [make_instrument(f"S{number:02}", starter=True) for number in range(20)]
    for number in range(7):
        db.session.add(ProviderCall(provider="vendor", subject=f"search x{number}", started_at=NOW, outcome="ok"))
    db.session.commit()
    plan = due_calls(NOW, free_vendor(), sessions, dict.fromkeys((stock.id for stock in starters), 1))
    assert sum(len(call.instruments) for call in plan.calls) == 12
