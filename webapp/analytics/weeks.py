"""Weeks made of days. A week ends on its Friday and bears that Friday's number, whether there was a session or not."""

from __future__ import annotations

import numpy as np

from webapp.analytics.series import EMPTY, Days, Series

FRIDAY = 1  # 1970-01-02, in days since 1970-01-01


def friday_of(at: Days) -> Days:
    """Return the Friday on or after each day, in the same shape and unit (days since 1970-01-01).

    A session on a Saturday or a Sunday counts to the week that follows: Riyadh trades from Sunday to Thursday, and a
    label never lies before what it stands for.
    """
    fridays: Days = (at + (FRIDAY - at) % 7).astype(np.int32)
    return fridays


def weekly(daily: Series, through: int | None = None) -> Series:
    """Return the weeks of days given oldest first; a week without a session is left out.

    `through` is the last Friday whose week is over (days since 1970-01-01): later days are left out. Without it the
    running week is the last bar. Open is that of the first session, close that of the last, high and low the
    extremes, volume the sum; what is NaN in one session is NaN in its week.
    """
    if through is not None:
        daily = daily.part(0, int(np.searchsorted(daily.at, through, "right")))
    return merged(daily, friday_of(daily.at))


def merged(bars: Series, names: Days) -> Series:
    """Return bars given oldest first with all that follow each other under one name put together, `at` being the names.

    `names` has shape (n,). What becomes of the columns is as in weekly().
    """
    if not len(bars):
        return EMPTY
    last = np.append(np.flatnonzero(np.diff(names)), len(names) - 1)
    first = np.append(0, last[:-1] + 1)
    return Series(names[last], bars.open[first], np.maximum.reduceat(bars.high, first),
                  np.minimum.reduceat(bars.low, first), bars.close[last], np.add.reduceat(bars.volume, first))
