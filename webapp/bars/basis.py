"""In whose shares prices are: bars as traded and bars that a source has divided for splits, brought together. Pure.

A source that divides its past prices for splits does so up to a day, the basis day: its bars are in that day's shares,
those after it as traded. When a split comes, it sends all its past anew; what is stored of it is then brought to the
new basis, so that no series is ever in two kinds of shares.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from webapp.analytics.adjust import split_factors
from webapp.analytics.series import Days, Floats, to_number
from webapp.bars.codec import PRICES, UNKNOWN, Bars, Counts
from webapp.records import Adjustment, Split

# Two sources' closes of a day differ by less than this, where they are in the same shares.
SAME = 0.01
# So few common days cannot show by themselves that all prices were divided, unless by the ratio of a usual split.
FEW = 3
LEAST_CHANGE, USUAL_REACH, MOST_PARTS = 0.02, 0.005, 50
# Days on both sides of a split that still show whether prices jump on it.
NEAR = 10
# Dividends between the first days that both have and the later ones have moved only what is before them.
FIRST_COMMON, EXACT = 5, 1e-5
# A split so small that a price's own move of the day may hide it.
LEAST_RATIO = 1.2


class MismatchError(ValueError):
    """Bars of one source that cannot stand in one series; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """What bars are to be divided by: the splits after one day, up to another, and `scale` besides."""

    after: dt.date | None = None
    until: dt.date | None = None
    scale: float = 1.0

    def apply(self, bars: Bars, days: Days, splits: Sequence[Split]) -> Bars:
        """Return the bars in the other shares."""
        factors = factors_between(days, splits, self.after, self.until) if self.after or self.until else None
        if factors is None and self.scale == 1.0:
            return bars
        return divided(bars, self.scale if factors is None else factors * self.scale)


@dataclass(frozen=True, slots=True)
class Steps:
    """What bars count in `at`: days, or minutes (1440 `per_day`) where the exchange is so many `ahead` of UTC.

    In New York one trades until midnight of UTC and beyond, in Sydney from the evening of the day before on.
    """

    per_day: int = 1
    ahead: int = 0

    def days(self, bars: Bars) -> Days:
        """Return the exchange's day of each bar."""
        return bars.at if self.per_day == 1 else ((bars.at + self.ahead) // self.per_day).astype(np.int32)


BY_DAY = Steps()


def factors_between(days: Days, splits: Sequence[Split], after: dt.date | None,
                    until: dt.date | None) -> Floats | None:
    """Return by what prices of these days are divided for the splits after one day up to another; None where by none.

    None stands for the beginning, or the end, of time.
    """
    meant = [split for split in splits
             if (after is None or split.day > after) and (until is None or split.day <= until)]
    if not meant or not len(days) or to_number(meant[-1].day) <= days[0]:
        return None
    return split_factors(days, np.array([to_number(split.day) for split in meant], np.int32),
                         np.array([float(split.ratio) for split in meant]))


def divided(bars: Bars, factor: Floats | float) -> Bars:
    """Return bars with prices divided by the factor and volumes multiplied by it."""
    def kept(old: Counts, new: Any) -> Counts:
        return np.where(old == UNKNOWN, UNKNOWN, np.rint(new)).astype(np.int64)

    first, high, low, close = (kept(values, values / factor) for values in (getattr(bars, name) for name in PRICES))
    return Bars(bars.at, first, high, low, close, kept(bars.volume, bars.volume * factor))


def true_basis(bars: Bars, days: Days, basis: dt.date, splits: Sequence[Split]) -> dt.date:
    """Return up to which day the source has divided its prices really, where it says up to `basis`.

    Vendors divide for a split hours or days after it: then their prices jump on its day. `splits` are oldest first.
    """
    for split in reversed([split for split in splits if split.day <= basis]):
        place = int(np.searchsorted(days, to_number(split.day)))
        if not _jumps(bars, days, place, float(split.ratio), to_number(split.day)):
            break
        basis = split.day - dt.timedelta(days=1)
    return basis


def _jumps(bars: Bars, days: Days, place: int, ratio: float, day: int) -> bool:
    """Tell whether the bars before and from `place` on, the split's day, are in different shares."""
    if not 0 < place < len(bars) or max(ratio, 1 / ratio) < LEAST_RATIO:
        return False
    if days[place] - day > NEAR or day - days[place - 1] > NEAR:
        return False
    first = bars.open[place] if bars.open[place] > 0 else bars.close[place]
    move = float(np.log(first / bars.close[place - 1]))
    return abs(move + float(np.log(ratio))) < abs(move)


def change_between(older: Bars | None, newer: Bars | None, splits: Sequence[Split], after: dt.date,
                   until: dt.date, steps: Steps = BY_DAY) -> Change:
    """Return what brings the bars whose basis is `after` to those of one source whose basis is `until`.

    None has no days in common with the others. The splits that are known say it, unless the days that both have say
    otherwise: that the prices were divided already, or that there was a split that nobody told us of.
    """
    known = Change(after, until)
    if older is None or newer is None or not len(plain := quotients(older, newer)):
        return known
    factors = factors_between(steps.days(older), splits, after, until)
    if factors is not None and _same(quotients(divided(older, factors), newer)):
        return known
    if _same(plain):
        return Change()
    scale = _common(plain)
    return known if scale is None else Change(scale=scale)


def quotients(one: Bars, other: Bars) -> Floats:
    """Return the closes of one divided by those of the other, for the days that both have."""
    _, of_one, of_other = np.intersect1d(one.at, other.at, assume_unique=True, return_indices=True)
    return one.close[of_one] / other.close[of_other]


def agree(one: Bars, other: Bars) -> bool:
    """Tell whether the days that both have are in the same shares; so they are where there is none."""
    found = quotients(one, other)
    return not len(found) or _same(found)


def _same(found: Floats) -> bool:
    return float(np.median(np.abs(np.log(found)))) < SAME


def _common(found: Floats) -> float | None:
    """Return the number by which all prices differ; None where they do not differ by the same."""
    scale = float(np.median(found))
    ratio = Fraction(scale).limit_denominator(MOST_PARTS) if scale >= 1 else 1 / Fraction(1 / scale).limit_denominator(
        MOST_PARTS)
    usual = min(ratio.numerator, ratio.denominator) <= 4 and abs(scale / float(ratio) - 1) < USUAL_REACH
    if abs(scale - 1) < LEAST_CHANGE or np.any(np.abs(found / scale - 1) > SAME):
        return None
    if usual:
        return float(ratio)
    return scale if len(found) >= FEW else None


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """Bars as a source sends them: in the shares of `basis_day`, where they are adjusted."""

    bars: Bars
    adjusted: Adjustment
    basis_day: dt.date | None
    steps: Steps = BY_DAY

    @property
    def days(self) -> Days:
        """Return the day of each bar."""
        return self.steps.days(self.bars)

    def true_basis(self, splits: Sequence[Split]) -> dt.date | None:
        """Return the day up to which they are really divided; None where they are as traded."""
        if self.basis_day is None or self.adjusted is not Adjustment.SPLITS:
            return self.basis_day
        return true_basis(self.bars, self.days, self.basis_day, splits)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """How sent and stored bars come into the same shares: the sent ones there, and the basis day of all.

    `stored` is what changes the stored ones, None where nothing does.
    """

    sent: Bars
    stored: Change | None
    basis_day: dt.date | None


def fit(sent: Sent, stored: Bars | None, kind: Adjustment, stored_basis: dt.date | None,
        splits: Sequence[Split]) -> Fit:
    """Bring bars of a source, and those that are stored of it, which are adjusted as `kind` says, into the same shares.

    `stored` has at least the days that both have; None where there are none in the years that are sent. Raise
    MismatchError where that cannot be.
    """
    if Adjustment.ALL in (kind, sent.adjusted):
        return _fit_all(sent, stored, kind, stored_basis)
    if kind is not sent.adjusted:
        return _fit_other(sent, stored, kind, stored_basis, splits)
    basis = sent.true_basis(splits)
    if basis is None or stored_basis is None:
        return Fit(sent.bars, None, basis or stored_basis)
    if basis >= stored_basis:
        change = change_between(stored, sent.bars, splits, stored_basis, basis, sent.steps)
        return Fit(sent.bars, change if _matters(change, splits) else None, basis)
    change = change_between(sent.bars, stored, splits, basis, stored_basis, sent.steps)
    return Fit(change.apply(sent.bars, sent.days, splits), None, stored_basis)


def _matters(change: Change, splits: Sequence[Split]) -> bool:
    if change.scale != 1.0:
        return True
    return change.after is not None and change.until is not None and any(
        change.after < split.day <= change.until for split in splits)


def _fit_all(sent: Sent, stored: Bars | None, kind: Adjustment, stored_basis: dt.date | None) -> Fit:
    """Bring bars that are adjusted for dividends too together by a day that both have: each dividend moves them all."""
    if kind is not sent.adjusted:
        raise MismatchError(f"bars adjusted for {sent.adjusted.value} cannot stand with stored ones for {kind.value}"
                            .replace("for as traded", "as traded"))
    found = quotients(stored, sent.bars) if stored is not None else np.empty(0)
    if not len(found):
        if sent.basis_day != stored_basis:
            raise MismatchError("they are adjusted for dividends and have no day in common with those that are stored")
        return Fit(sent.bars, None, stored_basis)
    scale = float(np.median(found[:FIRST_COMMON]))
    if stored is not None and stored_basis is not None and sent.basis_day is not None and sent.basis_day < stored_basis:
        unknown = sent.bars.take(~np.isin(sent.bars.at, stored.at))
        return Fit(divided(unknown, 1 / scale), None, stored_basis)
    return Fit(sent.bars, Change(scale=scale) if abs(scale - 1) > EXACT else None, sent.basis_day)


def _fit_other(sent: Sent, stored: Bars | None, kind: Adjustment, stored_basis: dt.date | None,
               splits: Sequence[Split]) -> Fit:
    """Bring bars as traded to the shares of stored ones, or bars divided for splits to stored ones as traded."""
    until = stored_basis if kind is Adjustment.SPLITS else sent.true_basis(splits)
    factors = factors_between(sent.days, splits, None, until)
    bars = sent.bars
    if factors is not None:
        bars = divided(bars, factors if kind is Adjustment.SPLITS else 1 / factors)
    if stored is not None and not agree(stored, bars):
        raise MismatchError(f"bars of {sent.adjusted.value} do not agree with the stored ones of {kind.value}: a split "
                            "is not known")
    return Fit(bars, None, stored_basis)
