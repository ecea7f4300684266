"""The same formulas in plain pandas: one long table, groupby, rolling, as its manual teaches."""

from __future__ import annotations

import pandas as pd

from webapp.analytics.breakouts import VOLUME_TIMES, VOLUME_WEEKS
from webapp.analytics.indicators import YEAR_DAYS
from webapp.analytics.many_days import VOLUME_DAYS
from webapp.analytics.stages import FLAT, PAUSE, SLOPE_WEEKS, WEEKS
from webapp.analytics.strength import RETURNS, YEAR_WEEKS
from webapp.analytics.template import ABOVE_LOW, MONTH, NEAR_HIGH


def reckon_all(bars: pd.DataFrame, benchmark: pd.DataFrame, through: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the snapshots, a row a symbol, and the completed weeks, a row each.

    `bars` has symbol, date, high, low, close and volume, `benchmark` the benchmark's weeks (date, close).
    """
    days = _days(bars)
    weeks = _weeks(bars[bars["date"] <= through], benchmark)
    last = weeks.groupby("symbol").tail(1).set_index("symbol").drop(columns=["close", "base_high"])
    snapshots = days.groupby("symbol").tail(1).set_index("symbol").join(last, rsuffix="_week")
    snapshots["from_average"] = (snapshots["close"] / snapshots["average"] - 1) * 100
    snapshots = snapshots.join(_newest_breakouts(weeks))
    by_symbol = weeks.groupby("symbol")["close"]
    snapshots["closes_29"] = by_symbol.apply(lambda closes: closes.tail(WEEKS - 1).sum())
    return snapshots, weeks


def weeks_of(bars: pd.DataFrame) -> pd.DataFrame:
    """Return symbol, date (a Friday), close and volume of each week."""
    by_week = bars.groupby(["symbol", pd.Grouper(key="date", freq="W-FRI")])
    return by_week.agg(close=("close", "last"), volume=("volume", "sum")).reset_index()


def _days(bars: pd.DataFrame) -> pd.DataFrame:
    """Return the bars with what follows from days."""
    days = bars.copy()
    by_symbol = days.groupby("symbol")
    for count in (50, 150, 200):
        days[f"sma_{count}"] = by_symbol["close"].rolling(count).mean().to_numpy()
    days["earlier"] = days.groupby("symbol")["sma_200"].shift(MONTH)
    year = days.set_index("date").groupby("symbol")
    days["high_52"] = year["high"].rolling(f"{YEAR_DAYS}D").max().to_numpy()
    days["low_52"] = year["low"].rolling(f"{YEAR_DAYS}D").min().to_numpy()
    days["strength"] = sum(weight * by_symbol["close"].pct_change(count) for count, weight in RETURNS)
    days["before"] = by_symbol["volume"].shift()
    days["relative_volume"] = days["volume"] / days.groupby("symbol")["before"].rolling(VOLUME_DAYS).mean().to_numpy()
    days["from_high"] = (days["close"] / days["high_52"] - 1) * 100
    signs = (
        (days["close"] > days["sma_150"]) & (days["close"] > days["sma_200"]),
        days["sma_150"] > days["sma_200"],
        days["sma_200"] > days["earlier"],
        (days["sma_50"] > days["sma_150"]) & (days["sma_50"] > days["sma_200"]),
        days["close"] > days["sma_50"],
        days["close"] >= ABOVE_LOW * days["low_52"],
        days["close"] >= NEAR_HIGH * days["high_52"],
    )
    days["template"] = sum(sign.astype("int64") * (1 << place) for place, sign in enumerate(signs))
    return days


def _weeks(bars: pd.DataFrame, benchmark: pd.DataFrame) -> pd.DataFrame:
    """Return the weeks with their stages."""
    weeks = weeks_of(bars)
    by_symbol = weeks.groupby("symbol")
    weeks["average"] = by_symbol["close"].rolling(WEEKS).mean().to_numpy()
    growth = weeks.groupby("symbol")["average"].pct_change(SLOPE_WEEKS)
    weeks["slope"] = growth * 100
    weeks["average_3"] = weeks.groupby("symbol")["average"].shift(SLOPE_WEEKS - 1)
    weeks["pull"] = 0
    weeks.loc[(weeks["close"] > weeks["average"]) & (growth > FLAT), "pull"] = 2
    weeks.loc[(weeks["close"] < weeks["average"]) & (growth < -FLAT), "pull"] = 4
    weeks[["candidate", "stage", "trend"]] = pd.DataFrame(
        [row for _symbol, pulls in weeks.groupby("symbol")["pull"] for row in _remembered(pulls.to_list())],
        index=weeks.index)
    spell = (weeks["stage"] != weeks.groupby("symbol")["stage"].shift()).cumsum()
    by_spell = weeks.groupby(spell)
    weeks["since"] = by_spell["date"].transform("first")
    weeks["weeks"] = by_spell.cumcount() + 1
    weeks["base_high"] = by_spell["close"].cummax()
    pairs = weeks.merge(benchmark[["date", "close"]], on="date", how="left", suffixes=("", "_benchmark"))
    weeks["rp"] = (pairs["close"] / pairs["close_benchmark"] * 100).to_numpy()
    mean = weeks.groupby("symbol")["rp"].rolling(YEAR_WEEKS).mean().to_numpy()
    weeks["mansfield"] = (weeks["rp"] / mean - 1) * 100
    weeks["before"] = weeks.groupby("symbol")["volume"].shift()
    usual = weeks.groupby("symbol")["before"].rolling(VOLUME_WEEKS).mean().to_numpy()
    weeks["week_volume"] = weeks["volume"] / usual
    return weeks


def _remembered(pulls: list[int]) -> list[tuple[int, int, int]]:
    """Return candidate, stage and trend of each week of one symbol."""
    rows, stage, trend, before = [], 0, 0, 0
    for pull in pulls:
        candidate = pull or PAUSE[trend]
        if candidate and (stage == 0 or candidate == before):
            stage = candidate
            trend = stage if stage in (2, 4) else trend
        before = candidate
        rows.append((candidate, stage, trend))
    return rows


def _newest_breakouts(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return the newest week of each symbol in which stage 1 or 3 turned into 2, and its evidence."""
    earlier = weeks.groupby("symbol")[["stage", "base_high"]].shift()
    turned = (weeks["stage"] == 2) & earlier["stage"].isin((1, 3))
    found = weeks[turned].assign(base_high=earlier["base_high"]).groupby("symbol").tail(1).set_index("symbol")
    evidence = ((found["close"] > found["base_high"]).astype("int64")
                + 2 * (found["slope"] >= -FLAT * 100) + 4 * (found["week_volume"] >= VOLUME_TIMES))
    return pd.DataFrame({"breakout": found["date"], "base_high": found["base_high"], "evidence": evidence})
