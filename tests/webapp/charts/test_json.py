from __future__ import annotations

import datetime as dt
import gzip
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from tests.factories import add_quote, add_stock
from tests.webapp.charts.decoding import added, decoded
from tests.webapp.charts.past import LAST, NOW, add_days, add_minutes, series_of, walk, weekdays
from webapp import clock
from webapp.analytics import indicators, stages, strength
from webapp.analytics.series import Floats, to_number
from webapp.analytics.weeks import friday_of, weekly
from webapp.bars.codec import Bars, from_series
from webapp.bars.reading import load_past
from webapp.bars.writing import write_bars, write_events
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.models.bars import DAY
from webapp.records import Adjustment, Dividend, Split

PATH = "/stocks/XNAS/ACME/chart.json"


def get(client: FlaskClient, query: str = "", path: str = PATH) -> dict[str, Any]:
    """Return a chart's JSON."""
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 200
    data: dict[str, Any] = answer.get_json()
    return data


def rounded(values: Floats, decimals: int) -> list[Decimal]:
    """Return numbers as decimals, rounded as the chart rounds them."""
    return [Decimal(int(value)).scaleb(-decimals) for value in np.rint(values * 10**decimals)]


@pytest.mark.both_databases
def test_the_columns_are_the_bars_to_the_last_digit(client: FlaskClient, stock: InstrumentRow) -> None:
    series = add_days(stock, walk(2000))
    data = get(client, "range=max")
    columns = decoded(data)
    assert columns["at"] == series.at.tolist()
    assert data["decimals"] == 2
    for name in ("open", "high", "low", "close"):
        assert columns[name] == rounded(getattr(series, name), 2), name
    assert columns["volume"] == series.volume.tolist()
    assert (data["key"], data["currency"], data["interval"]) == ("XNAS:ACME", "USD", "1d")
    assert (data["sources"], data["adjusted"], data["simulated"]) == (["tiingo"], "splits", False)


@pytest.mark.parametrize(("range_", "first"), [
    ("1m", dt.date(2026, 10, 20)), ("6m", dt.date(2026, 5, 20)), ("ytd", dt.date(2026, 1, 1)),
    ("1y", dt.date(2025, 11, 20)), ("5y", dt.date(2021, 11, 22))])
def test_a_range_has_its_days_and_averages_that_are_right_from_the_first(
        client: FlaskClient, stock: InstrumentRow, range_: str, first: dt.date) -> None:
    series = add_days(stock, walk(2000))
    data = get(client, f"range={range_}&with=sma200,rsi")
    at = added(data["at"])
    assert at[0] == to_number(first)
    assert at[-1] == to_number(LAST)
    start = series.at.tolist().index(at[0])
    for name, values in (("sma200", indicators.sma(series.close, 200)), ("rsi", indicators.rsi(series.close))):
        line = data["lines"][name]
        assert added(line["steps"]) == [int(value) for value in np.rint(values[start:] * 10 ** line["decimals"])]


def test_what_is_unknown_is_null_and_does_not_disturb_the_rest(client: FlaskClient, stock: InstrumentRow) -> None:
    series = series_of(weekdays(60), walk(60))
    series.open[10], series.high[20], series.low[30], series.volume[40] = np.nan, np.nan, np.nan, np.nan
    write_bars(stock.id, DAY, "tiingo", from_series(series), adjusted=Adjustment.NONE, now=NOW)
    db.session.commit()
    columns = decoded(get(client, "range=max"))
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(series, name)
        expected = [None if np.isnan(value) else Decimal(str(round(value, 2))) for value in values.tolist()]
        assert columns[name] == expected, name
    assert added(get(client, "range=max&with=sma50")["lines"]["sma50"]["steps"])[:49] == [None] * 49


def test_stages_are_those_of_the_completed_weeks(client: FlaskClient, stock: InstrumentRow) -> None:
    series = add_days(stock, walk(1500))
    data = get(client, "range=max")
    weeks = weekly(series)
    found = dict(zip(weeks.at.tolist(), stages.find_stages(weeks.close).stage.tolist(), strict=True))
    by_bar = [0] * len(series)
    for first, last, name in data["bands"]:
        by_bar[first:last + 1] = [int(name)] * (last + 1 - first)
    assert by_bar == [found[friday] for friday in friday_of(series.at).tolist()]
    assert {1, 2, 3, 4} <= set(by_bar)
    assert added(data["weeks"]["at"])[-1] == len(series) - 1


def test_the_running_week_has_no_stage(client: FlaskClient, stock: InstrumentRow,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    series = add_days(stock, walk(1500), last=dt.date(2026, 11, 19))
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC))
    data = get(client, "range=max")
    assert data["bands"][-1][1] == len(series) - 5
    assert added(data["weeks"]["at"])[-1] == len(series) - 5
    # After the last close of the week it is over, but not while its last bar is missing.
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert get(client, "range=max")["bands"][-1][1] == len(series) - 5


def test_the_strength_is_against_the_benchmark(client: FlaskClient, stock: InstrumentRow) -> None:
    spy = add_stock("SPY", "ARCX")
    series, other = add_days(stock, walk(900)), add_days(spy, walk(1100, seed=5))
    data = get(client, "range=max&with=rs")
    expected = strength.mansfield(strength.relative_price(weekly(series), weekly(other))[1])
    found = added(data["weeks"]["mansfield"])
    assert found[51:] == [int(value) for value in np.rint(expected[51:] * 10_000)]
    assert found[:51] == [None] * 51


def test_as_traded_averages_are_not_bent_by_a_split(client: FlaskClient, stock: InstrumentRow) -> None:
    close = walk(400)
    day = LAST - dt.timedelta(days=200)
    before = weekdays(400) < to_number(day)
    raw = np.where(before, close * 4, close)
    add_days(stock, raw, splits=[Split(day, Decimal(4))],
             dividends=[Dividend(day + dt.timedelta(days=1), Decimal("0.82"))])
    data = get(client, "range=max&adjusted=none&with=sma50")
    assert data["adjusted"] == "as traded"
    assert decoded(data)["close"] == rounded(raw, 2)
    expected = indicators.sma(close, 50) * np.where(before, 4, 1)
    assert added(data["lines"]["sma50"]["steps"])[49:] == [int(value) for value in np.rint(expected[49:] * 100)]
    place = int(np.searchsorted(weekdays(400), to_number(day)))
    assert data["events"] == [[place, "split", "4:1"], [place + 1, "dividend", "0.82"]]
    assert decoded(get(client, "range=max"))["close"] == rounded(close, get(client, "range=max")["decimals"])


@pytest.mark.parametrize(("word", "adjustment"), [("splits", Adjustment.SPLITS), ("dividends", Adjustment.ALL),
                                                  ("none", Adjustment.NONE)])
def test_each_adjustment_is_what_the_store_of_bars_makes_of_it(
        client: FlaskClient, stock: InstrumentRow, word: str, adjustment: Adjustment) -> None:
    days = [LAST - dt.timedelta(days=back) for back in (900, 500, 300)]
    add_days(stock, walk(1000), splits=[Split(days[1], Decimal("7.00000700001"))],
             dividends=[Dividend(day, Decimal("0.47")) for day in days])
    data = get(client, f"range=max&adjusted={word}")
    past = load_past([stock.id], adjusted=adjustment)[stock.id]
    assert data["adjusted"] == adjustment.value
    for name in ("open", "high", "low", "close"):
        found = [float(value) for value in decoded(data)[name]]
        assert np.allclose(found, getattr(past.series, name), atol=0.6 * 10.0**-data["decimals"], rtol=0), name
    assert np.allclose(data["volume"], past.series.volume, atol=1, rtol=0)


def test_a_source_that_adjusted_for_dividends_is_shown_so_whatever_is_chosen(
        client: FlaskClient, stock: InstrumentRow) -> None:
    series = add_days(stock, walk(100), adjusted=Adjustment.ALL)
    for word in ("splits", "dividends", "none"):
        data = get(client, f"range=max&adjusted={word}")
        assert data["adjusted"] == "splits and dividends"
        assert decoded(data)["close"] == rounded(series.close, 2)


def test_others_are_told_with_their_own_days(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(300))
    young, foreign = add_stock("NEWCO"), add_stock("FAR", "XETR", currency="EUR")
    late = add_days(young, walk(40, seed=3))
    add_days(foreign, walk(500, seed=4))
    data = get(client, "range=6m&compare=newco,XETR:FAR,NOBODY")
    assert [(other["key"], other["currency"]) for other in data["others"]] == [("XNAS:NEWCO", "USD"),
                                                                               ("XETR:FAR", "EUR")]
    assert added(data["others"][0]["at"]) == late.at.tolist()
    assert added(data["others"][0]["close"]) == [int(value) for value in np.rint(late.close * 100)]
    assert added(data["others"][1]["at"])[0] == added(data["at"])[0]


def test_made_up_prices_are_never_beside_real_ones(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(300))
    add_days(add_stock("SPY", "ARCX"), walk(300), source="simulator")
    add_days(add_stock("SIM"), walk(300), source="simulator")
    data = get(client, "range=max&with=rs&compare=SIM")
    assert data["others"] == []
    assert set(data["weeks"]["mansfield"]) == {None}
    assert get(client, "range=max", "/stocks/XNAS/SIM/chart.json")["simulated"] is True


def test_minutes_are_in_the_exchanges_own_time_with_their_parts_of_the_day(
        client: FlaskClient, stock: InstrumentRow) -> None:
    daily = add_days(stock, walk(50), last=dt.date(2026, 11, 19))
    opened = dt.datetime(2026, 11, 20, 14, 0, tzinfo=dt.UTC)  # 9:00 in New York
    series = add_minutes(stock, opened, walk(450, seed=9))
    data = get(client, "range=1d")
    assert added(data["at"]) == (series.at - 300).tolist()
    assert (data["interval"], data["zone"], data["shift"]) == ("1m", "America/New_York", -300)
    assert data["bands"] == [[0, 29, "pre"], [420, 449, "post"]]
    assert data["base"] == {"day": "2026-11-19", "close": daily.close[-1]}
    assert decoded(data)["close"] == rounded(series.close, 2)


def test_five_days_are_the_last_five_with_minutes(client: FlaskClient, stock: InstrumentRow) -> None:
    days = [dt.date(2026, 11, 12), dt.date(2026, 11, 13), *(dt.date(2026, 11, day) for day in range(16, 21))]
    for day in days:
        add_minutes(stock, dt.datetime.combine(day, dt.time(15), dt.UTC), walk(5, seed=day.day))
    found = {at // 1440 for at in added(get(client, "range=5d")["at"]) if at is not None}
    assert found == {to_number(day) for day in days[2:]}
    assert len(added(get(client, "range=1d")["at"])) == 5


def test_where_there_are_no_bars_the_columns_are_empty(client: FlaskClient, stock: InstrumentRow) -> None:
    for range_ in ("max", "1d"):
        assert get(client, f"range={range_}") == {"form": 1, "key": "XNAS:ACME", "currency": "USD", "at": []}
    assert client.get("/stocks/XNAS/NOPE/chart.json").status_code == 404
    assert client.get("/stocks/XNAS/NOPE/chart.json").get_json()["error"]["status"] == 404


@pytest.mark.both_databases
def test_who_has_the_chart_gets_it_again_only_when_it_changed(
        client: FlaskClient, stock: InstrumentRow, monkeypatch: pytest.MonkeyPatch) -> None:
    add_days(stock, walk(300))
    first = client.get(f"{PATH}?range=max")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get(f"{PATH}?range=max", headers=tag)
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(f"{PATH}?range=1y", headers=tag).status_code == 200
    write_events(stock.id, [Split(LAST, Decimal(2))], [], "tiingo", NOW)
    db.session.commit()
    split = client.get(f"{PATH}?range=max", headers=tag)
    assert split.status_code == 200
    tag = {"If-None-Match": split.headers["ETag"]}
    add_days(stock, walk(299), now=NOW + dt.timedelta(minutes=1))
    changed = client.get(f"{PATH}?range=max", headers=tag)
    assert changed.status_code == 200
    tag = {"If-None-Match": changed.headers["ETag"]}
    monkeypatch.setattr(clock, "now", lambda: NOW + dt.timedelta(days=7))
    assert client.get(f"{PATH}?range=max", headers=tag).status_code == 200


def test_a_quote_changes_nothing_in_the_json(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(300), last=dt.date(2026, 11, 19))
    before = client.get(f"{PATH}?range=max")
    add_quote(stock, "77.00", source="tiingo")
    after = client.get(f"{PATH}?range=max", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 304


@pytest.mark.parametrize("taken", ["gzip", "br, gzip", "identity"])
def test_it_is_the_same_however_it_is_packed(client: FlaskClient, stock: InstrumentRow, taken: str) -> None:
    add_days(stock, walk(600))
    plain = client.get(f"{PATH}?range=max", headers={"Accept-Encoding": "identity"})
    packed = client.get(f"{PATH}?range=max", headers={"Accept-Encoding": taken})
    assert "Accept-Encoding" in packed.headers["Vary"]
    if taken == "gzip":
        assert packed.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(packed.data)) == plain.get_json()


def test_twenty_years_are_small(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(5040))
    answer = client.get(f"{PATH}?range=max", headers={"Accept-Encoding": "gzip"})
    assert len(answer.data) < 100_000


def test_as_many_statements_for_one_as_for_five(app: Flask, client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(300))
    for number, symbol in enumerate(("AA", "BB", "CC", "DD")):
        add_days(add_stock(symbol), walk(300, seed=number))
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *words: seen.append(words[2]))
    get(client, "compare=AA")
    for_one = len(seen)
    get(client, "compare=AA,BB,CC,DD")
    assert len(seen) - for_one == for_one < 20


def test_damaged_order_of_prices_still_comes_back(client: FlaskClient, stock: InstrumentRow) -> None:
    at = weekdays(3)
    whole = [np.array(values, np.int64) * 10**8 for values in ([5, 6, 7], [1, 9, 2], [8, 3, 9], [6, 7, 5], [1, 2, 3])]
    write_bars(stock.id, DAY, "tiingo", Bars(at, *whole), adjusted=Adjustment.NONE, now=NOW)
    db.session.commit()
    columns = decoded(get(client, "range=max"))
    assert [columns[name] for name in ("open", "high", "low", "close")] == [[5, 6, 7], [1, 9, 2], [8, 3, 9], [6, 7, 5]]


def test_it_says_on_which_day_of_the_exchange_it_was_made(client: FlaskClient, stock: InstrumentRow,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    add_days(stock, walk(30))
    assert get(client)["day"] == "2026-11-20"
    monkeypatch.setattr(clock, "now", lambda: NOW + dt.timedelta(hours=5))  # 04:00 UTC is 23:00 in New York
    assert get(client)["day"] == "2026-11-20"
    monkeypatch.setattr(clock, "now", lambda: NOW + dt.timedelta(hours=6))
    assert get(client)["day"] == "2026-11-21"


def test_made_up_minutes_are_never_shown_beside_anything_real(client: FlaskClient, stock: InstrumentRow) -> None:
    noon = dt.datetime(2026, 11, 18, 17, 0, tzinfo=dt.UTC)
    add_days(stock, walk(30), source="simulator")
    add_minutes(stock, noon, walk(5))
    other = add_stock("OTHER")
    for each in (stock, other):
        add_minutes(each, noon + dt.timedelta(days=1), walk(5, seed=2), source="simulator")
    data = get(client, "range=1d&compare=OTHER")
    assert data["sources"] == ["tiingo"]
    assert data["simulated"] is False
    assert added(data["at"])[0] // 1440 == to_number(dt.date(2026, 11, 18))
    assert data["others"] == []
    assert data["base"] is None
