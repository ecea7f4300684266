"""Which stocks a screen finds, in which order, and page by page."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import Any

import pytest
from flask import Flask

from tests.factories import AS_OF, add_quote, add_stock
from tests.webapp.screener.conftest import FRIDAY, Analyse, screen
from webapp.extensions import db
from webapp.models import InstrumentRow, Snapshot
from webapp.screener import queries
from webapp.screener.criteria import SORTS, Criteria

pytestmark = pytest.mark.both_databases
WEEK = dt.timedelta(days=7)


def found(criteria: Criteria) -> list[str]:
    """Return the symbols that a screen finds, and check the count on the way."""
    ids = queries.all_ids(criteria, queries.overview().week)
    assert queries.count(criteria, queries.overview().week) == len(ids)
    names = {row.id: row.symbol for row in db.session.query(InstrumentRow)}
    return [names[each] for each in ids]


def test_without_filters_every_analysed_stock_is_found_and_no_other(analyse: Analyse) -> None:
    add_stock("NEW")
    analyse("A", rs=20)
    analyse("B", rs=90)
    analyse("C")
    assert found(screen()) == ["B", "A", "C"]
    about = queries.overview()
    assert (about.stocks, about.week, about.computed_at) == (3, FRIDAY, AS_OF)


def test_before_any_analysis_there_is_nothing_and_no_fault(app: Flask) -> None:
    assert queries.overview() == queries.Overview(0, None, None)
    assert found(screen(brk_max=4, age_max=1)) == []
    assert queries.facets() == {"mic": (), "sector": (), "cur": (), "kind": ()}


def test_stages_are_chosen_with_those_that_have_none_yet(analyse: Analyse) -> None:
    for symbol, stage in (("A", 1), ("B", 2), ("C", 3), ("D", 4), ("E", None)):
        analyse(symbol, stage=stage, previous_stage=3 if symbol in "BD" else None)
    assert found(screen(stage="2")) == ["B"]
    assert found(screen(stage=["2", "4"])) == ["B", "D"]
    assert found(screen(stage=["1", "0"])) == ["A", "E"]
    assert found(screen(stage="0")) == ["E"]
    assert found(screen(**{"from": "3"})) == ["B", "D"]
    assert found(screen(stage="4", **{"from": "3"})) == ["D"]


@pytest.mark.parametrize(("key", "column"), [
    ("rs", "rs"), ("mrs", "mansfield"), ("high", "from_high"), ("avg", "from_average"), ("vol", "relative_volume"),
    ("price", "close")])
def test_a_figure_lies_between_both_ends_ends_included(analyse: Analyse, key: str, column: str) -> None:
    scale = -1.0 if key == "high" else 1.0
    for number in (10, 20, 30):
        analyse(f"S{number}", **{column: scale * number})
    if key != "price":
        analyse("UNKNOWN", **{column: None})
    low, high = sorted((scale * 20, scale * 30))
    assert sorted(found(screen(**{f"{key}_min": low, f"{key}_max": high}))) == ["S20", "S30"]
    assert found(screen(**{f"{key}_min": scale * 20, f"{key}_max": scale * 20})) == ["S20"]
    assert found(screen(**{f"{key}_max": scale * 20, "sort": key})) == (["S20", "S10"] if scale > 0 else ["S20", "S30"])


def test_weeks_count_only_where_there_is_a_stage(analyse: Analyse) -> None:
    analyse("NEW", stage=2, weeks=1)
    analyse("OLD", stage=2, weeks=40)
    analyse("NONE", weeks=0)
    assert found(screen(weeks_max=1)) == ["NEW"]
    assert found(screen(weeks_min=2)) == ["OLD"]
    assert found(screen(sort="weeks")) == ["NEW", "OLD", "NONE"]


def test_the_trend_template_counts_its_conditions(analyse: Analyse) -> None:
    analyse("ALL", template=255)
    analyse("SIX", template=0b0111_1110)
    analyse("NONE", template=0)
    analyse("UNKNOWN")
    assert found(screen(tt_min=8)) == ["ALL"]
    assert found(screen(tt_min=6, tt_max=7)) == ["SIX"]
    assert found(screen(sort="tt")) == ["ALL", "SIX", "NONE", "UNKNOWN"]


def test_a_breakout_is_asked_for_by_its_week_and_by_its_signs(analyse: Analyse) -> None:
    analyse("NOW", breakout=FRIDAY, evidence=7)
    analyse("QUIET", breakout=FRIDAY - 3 * WEEK, evidence=3)
    analyse("OLD", breakout=FRIDAY - 4 * WEEK, evidence=5)
    analyse("NEVER")
    assert found(screen(brk_max=1)) == ["NOW"]
    assert found(screen(brk_max=4)) == ["NOW", "QUIET"]
    assert found(screen(ev=["c", "v"])) == ["NOW", "OLD"]
    assert found(screen(ev=["c", "a", "v"])) == ["NOW"]
    assert found(screen(ev="a", sort="brk", dir="asc")) == ["QUIET", "NOW"]


def test_old_analyses_can_be_left_out(analyse: Analyse) -> None:
    analyse("NEW")
    analyse("WEEK", week=FRIDAY - WEEK)
    analyse("GONE", week=FRIDAY - 60 * WEEK)
    analyse("SHORT", week=None)
    assert found(screen(age_max=0)) == ["NEW"]
    assert found(screen(age_max=1)) == ["NEW", "WEEK"]
    assert found(screen(sort="week")) == ["NEW", "WEEK", "GONE", "SHORT"]


def test_listings_are_chosen_by_exchange_sector_currency_and_kind(analyse: Analyse) -> None:
    analyse("A", {"sector": "Energy"})
    analyse("B", {"mic": "XLON", "currency": "GBP", "sector": "Energy"})
    analyse("C", {"mic": "XETR", "currency": "EUR", "kind": "etf"})
    assert found(screen(mic=["XLON", "XETR"])) == ["B", "C"]
    assert found(screen(sector="Energy", cur="USD")) == ["A"]
    assert found(screen(kind="etf")) == ["C"]
    assert found(screen(sector="Nothing of that")) == []
    assert found(screen(sort="sector")) == ["A", "B", "C"]
    assert queries.facets() == {"mic": ("XETR", "XLON", "XNAS"), "sector": ("Energy",),
                                "cur": ("EUR", "GBP", "USD"), "kind": ("etf", "stock")}


def test_a_price_is_the_live_one_where_there_is_one_and_compared_as_a_number(analyse: Analyse) -> None:
    nine = analyse("NINE", close=500.0)
    ten = analyse("TEN", close=500.0)
    waiting = analyse("WAITING", close=9.5)
    analyse("CLOSED", close=9.75)
    for key, price, previous in ((nine, "9.00", "10"), (ten, "10.00", "8"), (waiting, None, None)):
        stock = db.session.get_one(InstrumentRow, key)
        add_quote(stock, price, previous_close=previous) if price else add_quote(stock, None, as_of=None, day=None)
    assert found(screen(sort="price", dir="asc")) == ["NINE", "WAITING", "CLOSED", "TEN"]
    assert found(screen(price_min="9.5", price_max="9.99")) == ["WAITING", "CLOSED"]
    assert found(screen(sort="day")) == ["TEN", "NINE", "WAITING", "CLOSED"]
    assert found(screen(sort="day", dir="asc"))[:2] == ["NINE", "TEN"]


CHANCE = random.Random(7)


def fill(count: int) -> None:
    """Add stocks full of ties and of what is unknown."""
    def some(*values: Any) -> Any:
        return CHANCE.choice((*values, None))

    for number in range(count):
        stock = InstrumentRow(symbol=f"S{CHANCE.randrange(10 ** 6):06}{number}", mic=CHANCE.choice(["XNAS", "XLON"]),
                              name="A", currency=CHANCE.choice(["USD", "GBP"]), country="US",
                              kind=CHANCE.choice(["stock", "etf"]), sector=CHANCE.choice(["", "Energy", "Tech ~ 1"]))
        db.session.add(stock)
        db.session.flush()
        db.session.add(Snapshot(
            instrument_id=stock.id, day=FRIDAY, week=some(FRIDAY, FRIDAY - WEEK), close=CHANCE.choice([0.1 + 0.2, 7.0]),
            stage=some(1, 2, 3), weeks=CHANCE.randrange(3), mansfield=some(0.1 + 0.2, -1e-7, 12345.678901234567),
            rs=some(1, 50, 99), from_high=some(-1 / 3, 0.0), from_average=some(1 / 3, -2.5),
            relative_volume=some(2 / 3), template=some(0, 3, 255), breakout=some(FRIDAY, FRIDAY - WEEK),
            inputs_at=AS_OF, computed_at=AS_OF))
    db.session.commit()


def walk(criteria: Criteria) -> list[int]:
    """Return what the pages show one after the other, and check that the way back shows the same."""
    seen: list[int] = []
    page = queries.load_page(criteria, FRIDAY)
    assert page.previous == ""
    while True:
        seen += page.ids
        assert page.total == 60
        if not page.next:
            break
        assert len(page.ids) == queries.PER_PAGE
        before = page
        page = queries.load_page(criteria, FRIDAY, queries.read_place(page.next, criteria.sort, backwards=False))
        back = queries.load_page(criteria, FRIDAY, queries.read_place(page.previous, criteria.sort, backwards=True))
        assert back.ids == before.ids
        assert back.next == before.next
    return seen


def test_pages_show_every_stock_once_whatever_they_are_sorted_by(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PER_PAGE", 7)
    fill(60)
    for sort in SORTS:
        for direction in ("asc", "desc"):
            criteria = screen(sort=sort, dir=direction)
            ids = queries.all_ids(criteria, FRIDAY)
            assert len(ids) == len(set(ids)) == 60
            assert walk(criteria) == ids, (sort, direction)


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_what_is_missing_comes_last_both_ways_and_ties_keep_one_order(app: Flask, sort: str) -> None:
    fill(40)
    column = queries.VALUES[sort]
    query = queries._joined(db.select(Snapshot.instrument_id, column))
    values: dict[int, Any] = {row[0]: row[1] for row in db.session.execute(query)}
    for direction in ("asc", "desc"):
        ids = queries.all_ids(screen(sort=sort, dir=direction), FRIDAY)
        known = [values[each] for each in ids if values[each] is not None]
        assert known == sorted(known, reverse=direction == "desc")
        assert all(values[each] is None for each in ids[len(known):])
        runs = [(one, other) for one, other in itertools.pairwise(ids) if values[one] == values[other]]
        assert all(one < other for one, other in runs)


def test_a_page_before_the_beginning_is_the_first_page(analyse: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PER_PAGE", 2)
    ids = [analyse(f"S{number}", rs=90 - number) for number in range(5)]
    place = queries.read_place(queries.write_place(89, ids[1]), "rs", backwards=True)
    page = queries.load_page(screen(), FRIDAY, place)
    assert page.ids == tuple(ids[:2])
    assert page.previous == ""


def test_behind_the_last_stock_there_is_an_empty_page_that_still_knows_the_count(analyse: Analyse) -> None:
    ids = [analyse(f"S{number}", rs=90 - number) for number in range(3)]
    place = queries.read_place(queries.write_place(None, ids[-1]), "rs", backwards=False)
    assert queries.load_page(screen(), FRIDAY, place) == queries.Page((), total=3)


def test_a_place_whose_stock_has_gone_still_leads_on(analyse: Analyse) -> None:
    ids = [analyse(f"S{number}", rs=90 - number) for number in range(4)]
    place = queries.read_place(queries.write_place(89, ids[1]), "rs", backwards=False)
    db.session.delete(db.session.get_one(Snapshot, ids[1]))
    db.session.commit()
    assert queries.load_page(screen(), FRIDAY, place).ids == tuple(ids[2:])


@pytest.mark.parametrize(("text", "sort"), [
    ("", "rs"), ("87", "rs"), ("87~", "rs"), ("87~0", "rs"), ("87~x", "rs"), ("nan~1", "rs"), ("inf~1", "rs"),
    ("1e999~1", "rs"), ("87~99999999999", "rs"), ("87~²", "rs"), ("2026-13-01~1", "brk"), ("soon~1", "brk"),
    ("a\0b~1", "symbol"), ("x" * 301 + "~1", "symbol"), ("--1~1", "mrs")])
def test_what_is_no_place_is_none(app: Flask, text: str, sort: str) -> None:
    assert queries.read_place(text, sort, backwards=False) is None


@pytest.mark.parametrize(("text", "sort"), [
    ("1e+300~1", "rs"), ("-1e-300~1", "stage"), ("87.5~2147483647", "tt"), ("9999-12-31~1", "brk"),
    ("0001-01-01~1", "week"), ("'; DROP TABLE users~1", "symbol"), ("~1", "price"), ("\u4e2d~1", "sector")])
def test_a_strange_place_still_has_a_page(analyse: Analyse, text: str, sort: str) -> None:
    analyse("A", rs=50)
    for backwards in (False, True):
        place = queries.read_place(text, sort, backwards=backwards)
        assert place is not None
        assert len(queries.load_page(screen(sort=sort), FRIDAY, place).ids) <= 1


def test_ends_that_no_database_column_holds_still_have_an_answer(analyse: Analyse) -> None:
    analyse("A", rs=50, close=1.0, mansfield=1.0)
    assert found(screen(price_max="999999999", mrs_min="-999999999", age_max="9999", brk_max="9999")) == []
    assert found(screen(price_max="999999999", mrs_min="-999999999", age_max="9999")) == ["A"]
