"""How the quota page says lengths of time, moments, counts and limits."""

from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

from webapp.analytics.intervals import DAILY_S
from webapp.markets import EXCHANGES

STEPS = ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h"))


def every(seconds: float | None) -> str:
    """Say an interval: every 5 s, about every 4 min, once a day; without one, that none can be promised."""
    if seconds is None:
        return "no interval promised"
    if math.isinf(seconds):
        return "not at all"
    if seconds == DAILY_S:
        return "once a day"
    for below, length, unit in STEPS:
        if seconds < below:
            count = max(seconds / length, 1.0)
            exact = abs(count - round(count)) < 1e-6
            return f"{'' if exact else 'about '}every {round(count)} {unit}"
    return f"about every {round(seconds / DAILY_S)} days"


def moment(when: dt.datetime, now: dt.datetime, mic: str = "") -> str:
    """Say a time of day with its zone, the exchange's or UTC, and the day where it is not today: 14:35 UTC.

    What is still to come is rounded up to the minute: in the minute that is named, it has come.
    """
    zone = ZoneInfo(EXCHANGES[mic].zone) if mic in EXCHANGES else dt.UTC
    rounding = dt.timedelta(seconds=59, microseconds=999_999) if when > now else dt.timedelta(0)
    local = (when + rounding).astimezone(zone)
    today = local.date() == now.astimezone(zone).date()
    return f"{local:%H:%M %Z}" if today else f"{local.day} {local:%b, %H:%M %Z}"


def count(number: float) -> str:
    """Write a number of calls, with one decimal where it is not whole."""
    return f"{number:,.0f}" if abs(number - round(number)) < 0.05 else f"{number:,.1f}"


def calls(number: float) -> str:
    """Write a number of calls with the word."""
    return f"{count(number)} {'call' if count(number) == '1' else 'calls'}"


def stocks(number: int) -> str:
    """Write a number of stocks with the word."""
    return f"{number:,} {'stock' if number == 1 else 'stocks'}"


def length(span: dt.timedelta) -> str:
    """Say the length of a window: 1 min, 24 h."""
    seconds = span.total_seconds()
    if seconds < 60:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.0f} h"
