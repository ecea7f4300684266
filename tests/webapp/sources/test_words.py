"""Lengths of time, moments and counts, as the quota page says them."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from tests.webapp.sources.givens import HOUR, NOON
from webapp.sources import words

SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(("seconds", "said"), [
    (None, "no interval promised"), (math.inf, "not at all"), (5, "every 5 s"), (37.5, "about every 38 s"),
    (60, "every 60 s"), (89.6, "about every 90 s"), (240, "every 4 min"), (245, "about every 4 min"),
    (3600, "every 60 min"), (10_000, "about every 3 h"), (86_400, "once a day"), (400_000, "about every 5 days"),
    (0.2, "every 1 s")])
def test_an_interval_is_said_in_its_unit(seconds: float | None, said: str) -> None:
    assert words.every(seconds) == said


def test_a_moment_is_said_in_the_exchanges_time_or_in_utc() -> None:
    at = NOON + 2 * HOUR
    assert words.moment(at, NOON) == "19:00 UTC"
    assert words.moment(at, NOON, "XNAS") == "14:00 EST"
    assert words.moment(at, NOON, "NOWHERE") == "19:00 UTC"
    assert words.moment(at, NOON, "XTKS") == "04:00 JST"


def test_the_day_is_said_where_it_is_not_todays() -> None:
    assert words.moment(NOON + 8 * HOUR, NOON) == "21 Nov, 01:00 UTC"
    # Noon in New York is the next day in Tokyo, so what comes after midnight in UTC is of the same day there.
    assert words.moment(NOON + 8 * HOUR, NOON, "XTKS") == "10:00 JST"


def test_what_is_to_come_has_come_in_the_minute_that_is_named_and_what_is_past_is_not_rounded() -> None:
    assert words.moment(NOON + SECOND, NOON) == "17:01 UTC"
    assert words.moment(NOON - SECOND, NOON) == "16:59 UTC"


def test_counts_have_a_decimal_only_where_they_need_it() -> None:
    assert [words.count(number) for number in (0, 2.5, 80.0, 1234, 0.04)] == ["0", "2.5", "80", "1,234", "0"]
    assert [words.calls(number) for number in (0, 1, 1.5)] == ["0 calls", "1 call", "1.5 calls"]
    assert [words.stocks(number) for number in (1, 2, 10_000)] == ["1 stock", "2 stocks", "10,000 stocks"]


def test_windows_have_lengths() -> None:
    assert [words.length(dt.timedelta(seconds=length)) for length in (1, 1.1, 60, 3600, 86_400)] == [
        "1 s", "1.1 s", "1 min", "1 h", "24 h"]
