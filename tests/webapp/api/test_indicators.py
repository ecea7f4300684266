"""Indicators in the API."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pytest

from tests.webapp.api.conftest import Program
from tests.webapp.charts.conftest import friday_evening, stock
from tests.webapp.charts.past import add_days, walk
from webapp import clock
from webapp.analytics import indicators
from webapp.analytics.series import Series
from webapp.analytics.weeks import weekly
from webapp.api.indicator_lines import NAME, PATTERN
from webapp.api.v1.indicators import IndicatorsOut
from webapp.models import InstrumentRow

__all__ = ["friday_evening", "stock"]

PATH = "/instruments/ACME/indicators"
ALL = "sma50,ema20,rsi14,atr14,macd,bbands,obv,range52w"


@pytest.fixture
def past(stock: InstrumentRow) -> Series:
    """A year and a half of days."""
    return add_days(stock, walk(400))


def ask(program: Program, query: str) -> dict[str, Any]:
    answer = program.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    IndicatorsOut.model_validate(answer.json)
    found: dict[str, Any] = answer.json or {}
    return found


def values(program: Program, query: str, name: str) -> np.ndarray:
    return np.array([np.nan if item["values"][name] is None else float(item["values"][name])
                     for item in ask(program, f"{query}&limit=1000")["items"]])


def test_every_value_is_that_of_the_pages_own_formulas(past: Series, nobody: Program) -> None:
    macd, bands = indicators.macd(past.close), indicators.bollinger(past.close)
    high, low = indicators.range_52w(past.at, past.high, past.low)
    expected = {
        "sma50": indicators.sma(past.close, 50), "ema20": indicators.ema(past.close, 20),
        "rsi14": indicators.rsi(past.close, 14), "atr14": indicators.atr(past.high, past.low, past.close, 14),
        "macd": macd.line, "macd_signal": macd.signal, "macd_histogram": macd.histogram, "bb_upper": bands.upper,
        "bb_middle": bands.middle, "bb_lower": bands.lower, "obv": indicators.obv(past.close, past.volume),
        "high_52w": high, "low_52w": low}
    first = ask(nobody, f"names={ALL}&limit=1")["items"][0]
    assert list(first["values"]) == list(expected)
    for name, column in expected.items():
        np.testing.assert_allclose(values(nobody, f"names={ALL}", name), column, atol=0.000051, equal_nan=True)


def test_a_value_is_null_until_there_are_bars_enough(past: Series, nobody: Program) -> None:
    found = values(nobody, "names=sma50", "sma50")
    assert np.isnan(found[:49]).all()
    assert np.isfinite(found[49:]).all()


def test_an_average_is_right_from_the_first_day_that_is_asked_for(past: Series, nobody: Program) -> None:
    found = ask(nobody, "names=sma50&from=2026-11-20")["items"]
    assert [item["day"] for item in found] == ["2026-11-20"]
    assert float(found[0]["values"]["sma50"]) == pytest.approx(past.close[-50:].mean(), abs=0.0001)


def test_weeks_are_those_that_are_over(past: Series, nobody: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    weeks = weekly(past)
    found = values(nobody, "names=sma10&interval=1w", "sma10")
    np.testing.assert_allclose(found, indicators.sma(weeks.close, 10), atol=0.000051, equal_nan=True)
    assert ask(nobody, "names=sma10&interval=1w&order=desc")["items"][0]["day"] == "2026-11-20"
    thursday = clock.now().replace(day=19)
    monkeypatch.setattr(clock, "now", lambda: thursday)
    assert ask(nobody, "names=sma10&interval=1w&order=desc")["items"][0]["day"] == "2026-11-13"


def test_values_come_a_page_at_a_time(past: Series, nobody: Program) -> None:
    first = ask(nobody, "names=rsi14&limit=3&order=desc&to=2026-11-18")
    second = nobody.get(first["next"].removeprefix("/api/v1")).json or {}
    assert [item["day"] for item in first["items"] + second["items"]] == [
        "2026-11-18", "2026-11-17", "2026-11-16", "2026-11-13", "2026-11-12", "2026-11-11"]


def test_csv_has_a_column_for_each_value(past: Series, nobody: Program) -> None:
    rows = list(csv.DictReader(io.StringIO(nobody.get(f"{PATH}.csv?names=macd,sma5&limit=5").text)))
    assert list(rows[0]) == ["day", "close", "macd", "macd_signal", "macd_histogram", "sma5"]
    assert (rows[0]["sma5"], rows[4]["sma5"] != "") == ("", True)


def test_a_stock_without_a_past_has_no_values(stock: InstrumentRow, nobody: Program) -> None:
    for interval in ("1d", "1w"):
        assert ask(nobody, f"names={ALL}&interval={interval}")["items"] == []
    assert nobody.get(f"{PATH}.csv?names=sma5").text.strip() == "day,close,sma5"


@pytest.mark.parametrize("names", ["", "sma", "sma1", "sma400", "rsi14,", "ema20,vwap", "SMA50", "sma\uff15",
                                   "sma050", ",".join(["macd"] * 21)])
def test_a_name_of_none_is_refused_and_said(past: Series, nobody: Program, names: str) -> None:
    answer = nobody.get(PATH, query_string={"names": names})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == ["query.names"]  # type: ignore[index]


@pytest.mark.parametrize("names", ["sma2", "atr399", "bbands,obv", ",".join(["macd"] * 20), "sma50,sma50"])
def test_what_the_document_allows_is_taken(past: Series, nobody: Program, names: str) -> None:
    assert re.fullmatch(PATTERN, names)
    assert all(re.fullmatch(NAME, name) for name in names.split(","))
    assert ask(nobody, f"names={names}")["items"]


def test_what_does_not_move_has_no_strength_and_no_minus_zero(stock: InstrumentRow, nobody: Program) -> None:
    add_days(stock, np.full(60, 10.0))
    last = ask(nobody, "names=rsi14,macd&order=desc&limit=1")["items"][0]["values"]
    assert last == {"rsi14": None, "macd": "0.0000", "macd_signal": "0.0000", "macd_histogram": "0.0000"}
