"""A file's bars beside what is there: whether they are of days, of this stock, in this unit, and in whose shares.

A file that is brought goes before what providers send. One of another stock, or in pence for pounds, would take the
place of what is right, and nobody would see it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from webapp.analytics.series import to_day
from webapp.bars.basis import factors_between, true_basis
from webapp.bars.codec import SCALE, Bars
from webapp.bars.files.formats import FileRefused
from webapp.bars.reading import ALIKE, Past
from webapp.bars.sources import is_made_up
from webapp.records import Adjustment, Instrument, Split

# So many days that both have tell whether prices are of the same stock.
ENOUGH = 5
# So many bars tell how far they are apart; at least, in days, for each kind of bar that is longer than a day.
FEW = 10
LONGER = (("week", 5, 9), ("month", 26, 36), ("quarter", 85, 97))


@dataclass(frozen=True, slots=True)
class Claim:
    """What a file says of one stock: its bars, in the currency, adjusted so, and when it was made (None: nobody says).

    `splits` are all that are known of the stock by `today`, those that the file itself tells included.
    """

    stock: Instrument
    bars: Bars
    adjusted: Adjustment
    made_on: dt.date | None
    splits: Sequence[Split]
    today: dt.date


def check_step(stock: Instrument, bars: Bars) -> None:
    """Raise FileRefused where the bars are those of weeks, months or quarters."""
    if len(bars) < FEW:
        return
    least, most = np.quantile(np.diff(bars.at), [0.1, 0.9])
    for word, shortest, longest in LONGER:
        if shortest <= least and most <= longest:
            raise FileRefused(f"Its bars of {stock.key} are each of a {word}. Only bars of whole days are taken.")


def basis_of(claim: Claim, past: Past | None, *, anyway: bool) -> dt.date | None:
    """Return up to which day the prices are divided for splits, as far as what is stored can tell it.

    None leaves it to the file's last day. Raise FileRefused where prices are far from the stored ones, unless a person
    wants them `anyway`, and where it cannot be told whether they are divided for a later split.
    """
    last = to_day(claim.bars.at[-1])
    if claim.made_on is not None and claim.made_on < last:
        raise FileRefused(f"It was not made on {claim.made_on}: it has a bar of {last}.")
    days = [claim.made_on]
    if claim.made_on is None and claim.adjusted is Adjustment.SPLITS:
        days += [split.day for split in claim.splits if last < split.day <= claim.today]
    found = [_quotient(claim, past, day) for day in days]
    for day, quotient in zip(days, found, strict=True):
        if quotient is not None and abs(np.log(quotient)) < ALIKE:
            return day
    if past is not None and found[0] is not None:
        if anyway:
            return claim.made_on
        raise FileRefused(_far_off(claim, past, found[0]))
    if len(days) > 1:
        raise FileRefused(f"{claim.stock.key} was split on {days[1]}, after the file's last day. Are its prices "
                          "divided for that? Say on which day the file was made.")
    return claim.made_on


def _quotient(claim: Claim, past: Past | None, basis: dt.date | None) -> float | None:
    """Return by what the file's closes are above the stored ones, as traded; None where that cannot be told."""
    if past is None or all(map(is_made_up, past.sources)) or claim.adjusted is Adjustment.ALL:
        return None
    _, ours, theirs = np.intersect1d(claim.bars.at, past.series.at, assume_unique=True, return_indices=True)
    closes = claim.bars.close / SCALE
    if claim.adjusted is Adjustment.SPLITS:
        basis = true_basis(claim.bars, claim.bars.at, basis or to_day(claim.bars.at[-1]), claim.splits)
        done = factors_between(claim.bars.at, claim.splits, None, basis)
        closes = closes if done is None else closes * done
    quotients = closes[ours] / past.raw_close[theirs]
    quotients = quotients[np.isfinite(quotients) & (quotients > 0)]
    return float(np.exp(np.median(np.log(quotients)))) if len(quotients) >= ENOUGH else None


def _far_off(claim: Claim, past: Past, quotient: float) -> str:
    at = np.intersect1d(claim.bars.at, past.series.at)[-1]
    close = claim.bars.close[np.searchsorted(claim.bars.at, at)] / SCALE
    stored = past.raw_close[np.searchsorted(past.series.at, at)]
    return (f"Its prices of {claim.stock.key} are about {quotient:.3g} times those that are here: on {to_day(at)} the "
            f"close is {close:.10g}, here it is {stored:.10g} as traded. Is it another stock, in another unit, or "
            "adjusted otherwise? Say so, or that it is right all the same.")
