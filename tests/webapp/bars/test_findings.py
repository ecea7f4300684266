"""What is odd becomes a row; an import, an event or a person settles it, and what a person set right stays so."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import add_stock
from tests.webapp.bars.conftest import LATER, NOW, alpha_vantage, bars_of, day, row_of, stored, weekdays
from webapp.bars.calendar import day_numbers
from webapp.bars.findings import BY_ITSELF, ELSEWHERE, check_many, check_series, explain, note_duplicates, repair
from webapp.bars.reading import load_past
from webapp.bars.writing import Batch, Written, write_bars, write_events, write_history, write_many
from webapp.extensions import db
from webapp.models import BarFinding, BarRepair, BarSeries, TradingYear
from webapp.records import Adjustment, Split

pytestmark = pytest.mark.both_databases
DAYS = weekdays("2025-01-01", 100)
STEADY = [100.0 + number % 3 for number in range(100)]
EVE = "eve@example.org"


@pytest.fixture
def series_id(app: Flask) -> int:
    """The bars of all weekdays but the 50th, on an exchange that was open on all of them."""
    stock = add_stock("AAPL")
    for year, days in day_numbers(weekdays("2024-12-02", 300)).items():
        db.session.add(TradingYear(mic="XNAS", year=year, days=days))
    return write(stock.id, [*DAYS[:50], *DAYS[51:]], [*STEADY[:50], *STEADY[51:]]).series_id


def write(stock_id: int, days: list[dt.date], closes: list[float], now: dt.datetime = NOW) -> Written:
    written = write_bars(stock_id, "1d", "file", bars_of(days, closes), adjusted=Adjustment.NONE, now=now)
    db.session.commit()
    return written


def stock_of(series_id: int) -> int:
    return row_of(series_id).instrument_id


def check(series_id: int, now: dt.datetime = NOW) -> int:
    count = check_series(series_id, now)
    db.session.commit()
    return count


def findings() -> list[BarFinding]:
    return list(db.session.scalars(select(BarFinding).order_by(BarFinding.day, BarFinding.kind)
                                   .execution_options(populate_existing=True)))


def values(about: float, **others: Decimal | int | None) -> dict[str, Decimal | int | None]:
    price = Decimal(str(about))
    usual: dict[str, Decimal | int | None] = {
        "open": price, "high": price + 1, "low": price - 1, "close": price, "volume": 1000}
    return usual | others


def test_a_gap_is_found_once_and_settled_by_the_bar_that_fills_it(series_id: int) -> None:
    assert (check(series_id), check(series_id, LATER)) == (1, 1)
    row, = findings()
    assert (row.kind, row.day, row.last_day, row.detail) == ("gap", DAYS[50], DAYS[50], "1 session without a bar")
    assert (row.state, row.found_at, row.settled_at, row.settled_by) == ("open", NOW, None, "")
    write(stock_of(series_id), DAYS[50:51], [101.0], LATER)
    assert check(series_id, LATER) == 0
    row, = findings()
    assert (row.state, row.settled_at, row.settled_by, row.note) == ("explained", LATER, "", BY_ITSELF)


def test_a_jump_is_settled_by_the_split_that_explains_it_and_opened_when_that_was_wrong(series_id: int) -> None:
    stock_id = stock_of(series_id)
    write(stock_id, DAYS[50:], [close / 4 for close in STEADY[50:]])
    assert check(series_id) == 1
    assert [row.kind for row in findings()] == ["possible split"]
    write_events(stock_id, [Split(DAYS[50], Decimal(4))], [], "tiingo", LATER)
    assert check(series_id, LATER) == 0
    write_events(stock_id, [Split(DAYS[50], Decimal(2))], [], "tiingo", LATER)
    assert check(series_id, LATER) == 1
    row, = findings()
    assert (row.state, row.settled_at, row.note) == ("open", None, "")


def test_what_a_person_explained_is_not_opened_again_nor_is_a_part_of_it(series_id: int) -> None:
    stock_id = stock_of(series_id)
    write(stock_id, weekdays("2025-06-02", 10), [100.0] * 10)
    assert check(series_id) == 2
    gap = findings()[1]
    assert (gap.day, gap.last_day) == (weekdays("2025-05-21", 1)[0], day("2025-05-30"))
    settled = explain(gap.id, EVE, "halted", LATER)
    db.session.commit()
    assert settled is gap
    assert explain(gap.id, "bob@example.org", "no", LATER) is None
    assert explain(999, EVE, "no", LATER) is None
    write(stock_id, [day("2025-05-21"), day("2025-05-27")], [100.0, 100.0])
    assert check(series_id, LATER) == 1
    row = findings()[1]
    assert (row.state, row.settled_by, row.note, row.settled_at) == ("explained", EVE, "halted", LATER)


def test_what_a_person_explained_is_opened_again_where_it_has_grown(series_id: int) -> None:
    stock_id = stock_of(series_id)
    odd = day("2025-02-01")  # a Saturday, and the Sunday after it
    write(stock_id, [odd], [100.0])
    check(series_id)
    explain(next(row.id for row in findings() if row.kind == "no session"), EVE, "an exercise", NOW)
    db.session.commit()
    assert check(series_id) == 1
    write(stock_id, [day("2025-02-02")], [100.0], LATER)
    assert check(series_id, LATER) == 2
    row = next(row for row in findings() if row.kind == "no session")
    assert (row.day, row.last_day, row.state) == (odd, day("2025-02-02"), "open")
    assert (row.settled_by, row.settled_at, row.note) == ("", None, "an exercise")


def test_a_gap_that_is_repaired_by_half_is_still_one_of_the_other_half(series_id: int) -> None:
    stock_id = stock_of(series_id)
    write(stock_id, weekdays("2025-05-23", 1), [100.0])
    check(series_id)
    gap = findings()[1]
    assert gap.last_day == day("2025-05-22")
    repair(series_id, gap.day, values(101), EVE, NOW, gap.id)
    found = [(row.day, row.state) for row in findings() if row.kind == "gap"]
    assert found == [(DAYS[50], "open"), (day("2025-05-21"), "repaired"), (day("2025-05-22"), "open")]


def test_of_a_finding_that_a_larger_one_took_in_nobody_says_that_it_is_explained(
        series_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stock_id = stock_of(series_id)
    for days in (["2025-02-01"], ["2025-02-08"]):
        write(stock_id, [day(one) for one in days], [100.0])
    check(series_id)
    monkeypatch.setattr("webapp.bars.checks.MOST", 1)
    check(series_id, LATER)
    assert [(row.state, row.note) for row in findings() if row.kind == "no session"] == [
        ("open", ""), ("explained", ELSEWHERE)]


def test_duplicates_that_a_file_had_stay_open_until_a_person_settles_them(series_id: int) -> None:
    days = {DAYS[3]: "line 9 says 101, line 10 says 102", DAYS[4]: "twice the same"}
    assert note_duplicates(series_id, days, NOW) == 2
    assert note_duplicates(series_id, days, LATER) == 0
    assert check(series_id) == 3
    first = findings()[0]
    assert (first.kind, first.day, first.detail) == ("duplicate", DAYS[3], "line 9 says 101, line 10 says 102")
    explain(findings()[0].id, EVE, "fine", LATER)
    db.session.commit()
    note_duplicates(series_id, days, LATER)
    assert check(series_id) == 2


def test_many_series_are_checked_at_once(series_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.bars.findings.MOST", 2)
    stocks = [add_stock(f"S{number}") for number in range(4)]
    written = write_many([Batch(stock.id, "file", bars_of(DAYS[:number + 1] + DAYS[number + 2:], STEADY[1:]))
                          for number, stock in enumerate(stocks)], NOW)
    empty = write_many([Batch(stocks[0].id, "other", bars_of([], []))], NOW)[0].series_id
    numbers = [one.series_id for one in written]
    assert check_many([*numbers, empty, series_id], NOW) == dict.fromkeys([*numbers, series_id], 1) | {empty: 0}
    assert [row.day for row in findings()] == [*DAYS[1:5], DAYS[50]]


def test_the_real_past_of_apple_is_clean_with_its_events_and_not_without(app: Flask) -> None:
    stock = add_stock("AAPL")
    written = write_history(alpha_vantage("AAPL", stock.id, events=False), stock.record(), NOW)
    assert check(written.series_id) == 4
    assert write_history(alpha_vantage("AAPL", stock.id), stock.record(), LATER).unchanged == 5303
    assert check(written.series_id, LATER) == 0
    assert {(row.state, row.settled_by, row.settled_at) for row in findings()} == {("explained", "", LATER)}


def test_a_source_that_divides_its_prices_is_not_divided_again_by_a_check(app: Flask) -> None:
    stock = add_stock("AAPL")
    write_events(stock.id, [Split(DAYS[50], Decimal(4)), Split(DAYS[90], Decimal(2))], [], "x", NOW)
    closes = [*STEADY[:90], *(close / 2 for close in STEADY[90:])]
    written = write_bars(stock.id, "1d", "yahoo", bars_of(DAYS, closes), adjusted=Adjustment.SPLITS,
                         basis_day=DAYS[80], now=NOW)
    assert check(written.series_id) == 0


def test_a_repair_takes_the_place_of_a_bar_and_keeps_what_was_sent(series_id: int) -> None:
    write(stock_of(series_id), DAYS[20:21], [250.0])
    assert check(series_id) == 2
    finding = findings()[0]
    row = repair(series_id, DAYS[20], values(101.5, volume=None), EVE, LATER, finding.id)
    db.session.commit()
    assert row.original == {"open": "250", "high": "251", "low": "249.5", "close": "250", "volume": 1000}
    assert row.repaired == {"open": "101.5", "high": "102.5", "low": "100.5", "close": "101.5", "volume": None}
    assert (row.repaired_at, row.repaired_by, row.finding_id) == (LATER, EVE, finding.id)
    assert stored(series_id)[DAYS[20].isoformat()] == 101.5
    finding = findings()[0]
    assert (finding.kind, finding.state, finding.settled_by, finding.settled_at) == ("outlier", "repaired", EVE, LATER)
    series = row_of(series_id)
    assert (series.bars, series.changed_at, series.first_day, series.last_day) == (99, LATER, DAYS[0], DAYS[99])
    assert load_past([series.instrument_id])[series.instrument_id].changed_at == LATER


def test_no_import_undoes_a_repair(series_id: int) -> None:
    stock_id = stock_of(series_id)
    repair(series_id, DAYS[20], values(150), EVE, NOW)
    db.session.commit()
    assert write(stock_id, DAYS[19:22], [*STEADY[19:22]], LATER).changed == 0
    assert stored(series_id)[DAYS[20].isoformat()] == 150
    assert row_of(series_id).changed_at == NOW
    write(stock_id, DAYS[19:22], [7.0, 8.0, 9.0], LATER)
    row = db.session.scalars(select(BarRepair)).one()
    assert row.original is not None
    assert row.original["close"] == "8"
    closes = stored(series_id)
    assert [closes[one.isoformat()] for one in DAYS[19:22]] == [7, 150, 9]
    # The source says what the person says, and then something else again: the person's word stands.
    for close in (150.0, 3.0):
        write_bars(stock_id, "1d", "file", bars_of(DAYS[20:21], [close]), adjusted=Adjustment.NONE, now=LATER)
        assert stored(series_id)[DAYS[20].isoformat()] == 150


def test_a_bar_that_was_taken_out_stays_out_and_leaves_no_gap(series_id: int) -> None:
    stock_id = stock_of(series_id)
    row = repair(series_id, DAYS[99], None, EVE, NOW)
    repair(series_id, DAYS[98], None, EVE, NOW)
    repair(series_id, DAYS[10], None, EVE, NOW)
    assert row.repaired is None
    series = row_of(series_id)
    assert (series.bars, series.last_day) == (96, DAYS[97])
    written = write(stock_id, DAYS[97:], [5.0, 6.0, 7.0], LATER)
    assert (written.added, written.changed) == (0, 1)
    assert DAYS[99].isoformat() not in stored(series_id)
    assert row_of(series_id).last_day == DAYS[97]
    assert check(series_id) == 2  # the gap that was there, and the odd 5.0
    assert {finding.day for finding in findings()} == {DAYS[50], DAYS[97]}


def test_a_missing_bar_can_be_put_in(series_id: int) -> None:
    check(series_id)
    row = repair(series_id, DAYS[50], values(101), EVE, NOW, findings()[0].id)
    assert row.original is None
    assert stored(series_id)[DAYS[50].isoformat()] == 101
    assert row_of(series_id).bars == 100
    assert check(series_id) == 0
    write(stock_of(series_id), DAYS[50:51], [90.0])
    assert stored(series_id)[DAYS[50].isoformat()] == 101
    assert row.original is not None


def test_a_repair_is_undone_by_a_repair_back_to_the_original(series_id: int) -> None:
    stock_id = stock_of(series_id)
    repair(series_id, DAYS[20], values(150), EVE, NOW)
    repair(series_id, DAYS[20], values(151), EVE, NOW)
    first = db.session.scalars(select(BarRepair)).all()
    assert [row.original for row in first] == [first[0].original] * 2
    assert first[0].original is not None
    original = {name: value if value is None or name == "volume" else Decimal(value)
                for name, value in first[0].original.items()}
    repair(series_id, DAYS[20], original, EVE, LATER)
    db.session.commit()
    assert stored(series_id)[DAYS[20].isoformat()] == STEADY[20]
    write(stock_id, DAYS[20:21], [60.0])
    assert stored(series_id)[DAYS[20].isoformat()] == 60


def test_a_repair_goes_into_other_shares_with_its_series(app: Flask) -> None:
    stock = add_stock("AAPL")
    written = write_bars(stock.id, "1d", "yahoo", bars_of(DAYS[:10], [100.0] * 10), adjusted=Adjustment.SPLITS,
                         basis_day=DAYS[9], now=NOW)
    row = repair(written.series_id, DAYS[5], values(104), EVE, NOW)
    db.session.commit()
    write_events(stock.id, [Split(DAYS[10], Decimal(4))], [], "yahoo", LATER)
    write_bars(stock.id, "1d", "yahoo", bars_of(DAYS[8:12], [25.0] * 4), adjusted=Adjustment.SPLITS,
               basis_day=DAYS[11], now=LATER)
    db.session.commit()
    assert stored(written.series_id)[DAYS[5].isoformat()] == 26
    db.session.refresh(row)
    assert (row.original or {})["close"] == "25"
    assert (row.repaired or {}) == {"open": "26", "high": "26.25", "low": "25.75", "close": "26", "volume": 4000}


@pytest.mark.parametrize(("wrong", "said"), [
    (values(100, close=None), "has a close"), (values(100, low=Decimal(-1)), "above 0"),
    (values(100, close=Decimal("NaN")), "above 0"), (values(100, high=Decimal(10**9)), "above 0"),
    (values(100, volume=-1), "whole number"), (values(100, high=Decimal(99)), "the highest"),
    (values(100, low=Decimal(101)), "the lowest"), (values(100, volume=2**63), "whole number")])
def test_what_cannot_be_a_bar_is_refused(series_id: int, wrong: dict[str, Decimal | int | None], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        repair(series_id, DAYS[20], wrong, EVE, NOW)
    assert db.session.scalars(select(BarRepair)).all() == []


def test_a_repair_that_changes_nothing_or_of_nothing_is_refused(series_id: int) -> None:
    with pytest.raises(ValueError, match="like that already"):
        repair(series_id, DAYS[50], None, EVE, NOW)
    with pytest.raises(ValueError, match="no such series"):
        repair(999, DAYS[50], None, EVE, NOW)


def test_the_last_bar_of_a_series_can_be_taken_out(app: Flask) -> None:
    stock = add_stock("AAPL")
    series_id = write(stock.id, DAYS[:1], [100.0]).series_id
    repair(series_id, DAYS[0], None, EVE, NOW)
    db.session.commit()
    row = db.session.scalars(select(BarSeries)).one()
    assert (row.bars, row.first_day, row.last_day) == (0, None, None)
    assert load_past([stock.id]) == {}
    write(stock.id, DAYS[:2], [100.0, 101.0])
    assert stored(series_id) == {DAYS[1].isoformat(): 101}
