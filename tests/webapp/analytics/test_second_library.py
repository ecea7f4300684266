"""The standard indicators against a second library's own code (its use of TA-Lib is switched off)."""

from __future__ import annotations

import datetime as dt
import importlib
import warnings
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from tests.webapp.analytics.real_bars import needs_bars, split_adjusted
from webapp.analytics.indicators import atr, bollinger, ema, macd, obv, rsi, sma, vwap
from webapp.analytics.series import Floats, Series

SETTLED = 400  # bars after which the ways to begin a recursive average no longer differ in ten digits


@pytest.fixture(scope="module")
def other() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of things of pandas' own on import
        return importlib.import_module("pandas_ta_classic")


def walk() -> Series:
    chance = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.02, 1500)))
    high, low = close * chance.uniform(1, 1.02, 1500), close * chance.uniform(0.98, 1, 1500)
    volume = chance.integers(0, 10**7, 1500).astype(np.float64)
    return Series(np.arange(1500, dtype=np.int32), close, high, low, close, volume)


@pytest.fixture(scope="module", params=["walk", pytest.param("AAPL", marks=needs_bars)])
def bars(request: pytest.FixtureRequest) -> Series:
    return walk() if request.param == "walk" else split_adjusted("AAPL", dt.date(2018, 12, 31))


def column(values: Floats) -> pd.Series:
    return pd.Series(values)


def agree(got: Floats, expected: pd.Series, start: int = 0) -> None:
    values = expected.to_numpy(np.float64)
    np.testing.assert_allclose(got[start:], values[start:], rtol=1e-9, atol=1e-9)
    assert np.isfinite(got[SETTLED:]).all()


@pytest.mark.parametrize("n", [1, 5, 50, 200])
def test_the_simple_average(bars: Series, other: ModuleType, n: int) -> None:
    agree(sma(bars.close, n), other.sma(column(bars.close), n, talib=False))


@pytest.mark.parametrize("n", [5, 12, 50])
def test_the_exponential_average(bars: Series, other: ModuleType, n: int) -> None:
    agree(ema(bars.close, n), other.ema(column(bars.close), n, talib=False))


def test_the_relative_strength_index(bars: Series, other: ModuleType) -> None:
    agree(rsi(bars.close), other.rsi(column(bars.close), 14, talib=False), SETTLED)


def test_the_macd(bars: Series, other: ModuleType) -> None:
    theirs = other.macd(column(bars.close), 12, 26, 9, talib=False)
    line, signal, histogram = macd(bars.close)
    for got, name in ((line, "MACD_12_26_9"), (signal, "MACDs_12_26_9"), (histogram, "MACDh_12_26_9")):
        agree(got, theirs[name], SETTLED)


def test_the_bands_of_bollinger(bars: Series, other: ModuleType) -> None:
    theirs = other.bbands(column(bars.close), 20, 2.0, ddof=0, talib=False)
    for got, name in zip(bollinger(bars.close), ("BBU_20_2.0", "BBM_20_2.0", "BBL_20_2.0"), strict=True):
        np.testing.assert_allclose(got, theirs[name].to_numpy(), rtol=1e-7)


def test_the_average_true_range(bars: Series, other: ModuleType) -> None:
    theirs = other.atr(column(bars.high), column(bars.low), column(bars.close), 14, talib=False)
    agree(atr(bars.high, bars.low, bars.close), theirs, SETTLED)


def test_the_balance_of_volume(bars: Series, other: ModuleType) -> None:
    theirs = other.obv(column(bars.close), column(bars.volume), talib=False)
    np.testing.assert_allclose(np.diff(obv(bars.close, bars.volume)), np.diff(theirs.to_numpy()), rtol=1e-9, atol=1)


def test_the_volume_weighted_price(bars: Series, other: ModuleType) -> None:
    minutes = pd.date_range("2024-01-02 14:30", periods=len(bars), freq="min")
    columns = [pd.Series(values, index=minutes) for values in (bars.high, bars.low, bars.close, bars.volume)]
    session = (minutes.normalize() - minutes[0].normalize()).days.to_numpy()
    assert session[-1] >= 1
    agree(vwap(bars.high, bars.low, bars.close, bars.volume, session), other.vwap(*columns, anchor="D"))
