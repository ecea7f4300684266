"""The trend template."""

from __future__ import annotations

import numpy as np
import pytest

from webapp.analytics.indicators import range_52w, sma
from webapp.analytics.series import Floats
from webapp.analytics.template import CONDITIONS, Template, trend_template

SESSIONS = 300
AT = (np.arange(SESSIONS) * 7 // 5).astype(np.int32)


def rising() -> Floats:
    return np.geomspace(50, 100, SESSIONS)


def template(close: Floats, rs: int | None = 80) -> Template:
    return trend_template(AT[:len(close)], close, close, close, rs)


def test_a_steady_rise_meets_all_eight() -> None:
    found = template(rising())
    assert found.met == (True,) * 8
    assert found.bits == 255
    assert found.passed is True
    assert len(CONDITIONS) == 8


def test_a_steady_fall_meets_none() -> None:
    found = template(rising()[::-1], 10)
    assert found.met == (False,) * 8
    assert found.bits == 0
    assert found.passed is False


def with_last(price: float) -> Floats:
    close = rising()
    close[-1] = price
    return close


def missing(found: Template) -> list[int]:
    """Return the places of the conditions that are not met, from 1 on."""
    return [place for place, met in enumerate(found.met, 1) if met is False]


def test_each_condition_fails_for_its_own_reason() -> None:
    assert missing(template(rising(), 69)) == [8]
    assert missing(template(rising(), 70)) == []
    # Below the 50-day average and the 150-day one, and more than a quarter below the high.
    assert missing(template(with_last(74))) == [1, 5, 7]
    # A long fall and a short rise: the averages stand in the wrong order, and the long one still falls.
    turned = np.append(np.geomspace(100, 50, 270), np.geomspace(50, 101, 30))
    assert missing(template(turned)) == [2, 3, 4]
    # A rest: no more than 30 % above the low.
    rest = np.geomspace(90, 100, SESSIONS)
    assert missing(template(rest)) == [6]


def test_the_limits_of_the_range_belong_to_it() -> None:
    close = np.full(SESSIONS, 130.0)
    low, high = close.copy(), close.copy()
    low[100], high[100] = 100.0, 130.0 / 0.75
    found = trend_template(AT, close, high, low, 70)
    assert found.met[5:7] == (130.0 >= 1.3 * 100.0, 130.0 >= 0.75 * (130.0 / 0.75)) == (True, True)
    low[100], high[100] = 100.01, 173.4
    assert trend_template(AT, close, high, low, 70).met[5:7] == (False, False)


def test_the_averages_agree_with_the_indicators() -> None:
    chance = np.random.default_rng(11)
    for _ in range(40):
        close = 100 * np.exp(np.cumsum(chance.normal(0, 0.02, SESSIONS)))
        high, low = close * 1.01, close * 0.99
        fifty, middle, long = (sma(close, n) for n in (50, 150, 200))
        top, bottom = (column[-1] for column in range_52w(AT, high, low))
        last = close[-1]
        expected = (last > middle[-1] and last > long[-1], middle[-1] > long[-1], long[-1] > long[-23],
                    fifty[-1] > middle[-1] and fifty[-1] > long[-1], last > fifty[-1], last >= 1.3 * bottom,
                    last >= 0.75 * top, True)
        assert trend_template(AT, close, high, low, 99).met == tuple(bool(met) for met in expected)


@pytest.mark.parametrize(("sessions", "unknown"), [
    (0, [1, 2, 3, 4, 5, 6, 7, 8]), (49, [1, 2, 3, 4, 5, 6, 7]), (149, [1, 2, 3, 4, 6, 7]), (199, [1, 2, 3, 4, 6, 7]),
    (221, [3, 6, 7]), (222, [6, 7]), (260, [6, 7]), (261, []),
])
def test_what_a_short_history_cannot_tell_is_not_said(sessions: int, unknown: list[int]) -> None:
    found = template(rising()[:sessions])
    assert [place for place, met in enumerate(found.met, 1) if met is None] == unknown
    assert (found.bits is None) == bool(unknown)
    assert (found.passed is None) == bool(unknown)


def test_without_a_rating_it_cannot_be_passed_but_it_can_be_failed() -> None:
    assert template(rising(), None).passed is None
    assert template(rising(), None).bits is None
    assert template(rising()[::-1], None).passed is False


def test_one_side_that_fails_is_enough_to_tell() -> None:
    # 160 sessions: no 200-day average, but the close is below the 150-day one, and so is the 50-day one.
    found = template(np.geomspace(100, 50, 160))
    assert found.met[0] is False
    assert found.met[1] is None
    assert found.met[3] is False


def test_unknown_highs_and_lows_are_passed_over_and_none_known_is_unknown() -> None:
    close = rising()
    high, low = close.copy(), close.copy()
    high[5::2] = low[5::2] = np.nan
    assert trend_template(AT, close, high, low, 80).passed is True
    none = np.full(SESSIONS, np.nan)
    assert trend_template(AT, close, none, none, 80).met[5:7] == (None, None)


def test_an_unknown_close_leaves_only_the_averages_without_it() -> None:
    close = rising()
    close[-120] = np.nan
    assert trend_template(AT, close, close, close, 80).met == (None, None, None, None, True, True, True, True)


def test_a_condition_that_cannot_be_told_has_no_bits() -> None:
    assert Template((True, False, True, False, False, False, False, True)).bits == 0b10000101
    assert Template((True, None, True, True, True, True, True, True)).bits is None
