"""Whether a reading may pass for a price: what cannot be right is rejected, what is far from the last price waits.

Pure: records in, a verdict out. worker/store.py gathers what is needed and carries the verdict out.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from webapp.ratios import in_words
from webapp.records import Quote, Split

# A price this many times beyond the day's own range is a mix-up of units or of columns, not a price.
BEYOND_RANGE = 2
# Clocks differ; a price from later than this is not one.
FUTURE, FARTHEST_EAST = dt.timedelta(minutes=2), dt.timedelta(hours=14)
# A price this far from the last one, as a part of it or in daily standard deviations, waits until it is confirmed.
JUMP, DEVIATIONS, LEAST_JUMP = 0.20, 8, 0.02
# So near to the first reading a second one agrees with it. The source that gave the first must say it anew: of a later
# trade after some seconds, or the same for so long that it is no slip.
AGREES = 0.05
SECOND_READING, STANDS_BY_IT = dt.timedelta(seconds=10), dt.timedelta(minutes=10)
# What can hardly be true a source must say for longer.
HARDLY, HARDLY_EVER = dt.timedelta(hours=1), dt.timedelta(days=1)
# The splits that companies make, new shares for old: 3:2, 2:1, ... and the other way round.
SPLITS = sorted({ratio for whole in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)
                 for ratio in (Fraction(whole), Fraction(1, whole))} | {Fraction(3, 2), Fraction(2, 3), Fraction(5, 4)})
# How far the price may move on the day of a split and still look like one; small ratios look like a mere move.
SPLIT_REACH, LARGE_SPLIT = 0.04, 2
# Returns over more days than these are not those of a day.
LONG_WEEKEND = dt.timedelta(days=5)
# The previous closes of two sources are the same if they differ by less, as a part or, for cheap stocks, in currency.
SAME_CLOSE, SAME_CLOSE_AT_LEAST = 0.002, Decimal("0.011")
# A jump to a hundredth or a hundredfold is a unit mistaken for another: who made it makes it again.
HUNDRED, HUNDRED_REACH = 100, 0.25


class Verdict(StrEnum):
    """What becomes of a reading."""

    TAKEN = "taken"
    REJECTED = "rejected"
    OLDER = "older"
    UNCONFIRMED = "unconfirmed"
    SPLIT = "possible split"


@dataclass(frozen=True, slots=True)
class Held:
    """A reading that waits: see HeldQuote. A vendor was asked of splits at `asked_at`; `no_split`: it knows of none."""

    quote: Quote
    first_at: dt.datetime
    ratio: Decimal | None = None
    no_split: bool = False
    asked_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with its reason in words for a page. `against` is the price that the reading is far from.

    `ratio` is the split that it looks like. `outcome` says what became of the reading that was held, "" where none was
    or it still waits. `split` is one that the vendor's own previous close proves.
    """

    verdict: Verdict
    reason: str = ""
    against: Decimal | None = None
    ratio: Decimal | None = None
    outcome: str = ""
    split: Split | None = None


def flaw(quote: Quote, now: dt.datetime) -> str:
    """Return why the figures cannot be right, "" where they can."""
    prices = [quote.price, quote.previous_close, quote.open, quote.high, quote.low, quote.bid, quote.ask,
              quote.extended_price]
    if any(price is not None and (not price.is_finite() or price <= 0) for price in prices):
        return "a price that is not a positive number"
    if quote.high is not None and quote.low is not None and quote.low > quote.high:
        return "a day's low above its high"
    if quote.high is not None and quote.price > quote.high * BEYOND_RANGE:
        return "a price far above the day's high"
    if quote.low is not None and quote.price * BEYOND_RANGE < quote.low:
        return "a price far below the day's low"
    if quote.volume is not None and quote.volume < 0:
        return "a negative volume"
    # Wherever the exchange is, its day is at most the one that it is in 14 hours in UTC.
    to_come = quote.as_of > now + FUTURE if not quote.as_of_is_day else quote.day > (now + FARTHEST_EAST).date()
    return "a price from the future" if to_come else ""


def judge(quote: Quote, stored: Quote | None, held: Held | None, splits: Sequence[Split], deviation: float | None,
          now: dt.datetime) -> Judgement:
    """Judge a reading in the instrument's currency against the price that is `stored`.

    `splits` are those that are known of the instrument, `deviation` is the standard deviation of its daily returns,
    None where it is unknown.
    """
    refused = judge_figures(quote, stored, now)
    if refused is not None:
        return refused
    limit = min(JUMP, max(DEVIATIONS * deviation, LEAST_JUMP)) if deviation is not None else JUMP
    jump = _jump_of(quote, _references(quote, stored, splits), limit)
    if jump is None:
        return Judgement(Verdict.TAKEN, outcome=_ended(quote, held, splits))
    return _of_jump(quote, stored, held, jump, now)


def judge_figures(quote: Quote, stored: Quote | None, now: dt.datetime) -> Judgement | None:
    """Judge a reading by its own figures and its time only; None where they may be right."""
    wrong = flaw(quote, now)
    if wrong:
        return Judgement(Verdict.REJECTED, wrong)
    if stored is not None and quote.as_of < stored.as_of:
        return Judgement(Verdict.OLDER, "a price older than the one that is known")
    return None


def best_previous_close(quote: Quote, own: Decimal | None, older: Decimal | None,
                        splits: Sequence[Split]) -> tuple[Decimal | None, str]:
    """Return what the day's change is to be measured against, in the day's shares, and what is odd about it in words.

    Three can say it: the provider's previous close, its own change, and the close that we had of the session before
    (`own`). The provider's previous close counts, unless its own change and our close agree on another one, or it is
    that of one session too early (`older`).
    """
    stated = quote.price - quote.stated_change if quote.stated_change is not None else None
    given, stated = (_in_shares_of_today(quote, close, splits) for close in (quote.previous_close, stated))
    if given is None or own is None:
        return (given or stated or own), ""
    if _same_close(given, own) and (stated is None or _same_close(stated, own)):
        return given, ""
    close = given
    if not _same_close(given, own):
        outvoted = stated is not None and _same_close(stated, own)
        close = own if outvoted or (older is not None and _same_close(given, older)) else given
    names = {"its previous close": given, "its own change": stated, "the close we had": own}
    said = ", ".join(f"{name} says {value:f}" for name, value in names.items() if value is not None)
    return close, f"the previous close is in doubt: {said}; {close:f} is used"


def _in_shares_of_today(quote: Quote, close: Decimal | None, splits: Sequence[Split]) -> Decimal | None:
    """Return a vendor's close of the session before; one that it has not divided by a known split is divided."""
    if close is None or close <= 0 or quote.previous_day is None:
        return close if close is not None and close > 0 else None
    divided = adjusted(close, splits, quote.previous_day, quote.day)
    return divided if abs(quote.price - divided) < abs(quote.price - close) else close


def adjusted(price: Decimal, splits: Iterable[Split], after: dt.date, until: dt.date) -> Decimal:
    """Return a price of the day `after` in the shares of the day `until`."""
    for split in splits:
        if after < split.day <= until:
            price /= split.ratio
    return price


def standard_deviation(closes: Sequence[tuple[dt.date, Decimal]]) -> float | None:
    """Return the standard deviation of daily log returns of closes in order of days; None for fewer than 20 returns.

    A return over more days than a long weekend is not a day's. One beyond a half is a split that nobody told us of.
    """
    returns = [math.log(new / old) for (before, old), (day, new) in pairwise(closes)
               if old > 0 and new > 0 and day - before <= LONG_WEEKEND]
    returns = [value for value in returns if abs(value) < math.log(1.5)]
    if len(returns) < 20:
        return None
    mean = sum(returns) / len(returns)
    return math.sqrt(sum((value - mean) ** 2 for value in returns) / (len(returns) - 1))


def _references(quote: Quote, stored: Quote | None, splits: Sequence[Split]) -> list[Decimal]:
    """Return the prices that the reading should be near to, in its own shares; none where nothing is known."""
    if stored is None:
        return [quote.previous_close] if quote.previous_close is not None else []
    prices = [stored.price] if stored.extended_price is None else [stored.price, stored.extended_price]
    return [adjusted(price, splits, stored.day, quote.day) for price in prices]


@dataclass(frozen=True, slots=True)
class _Jump:
    """What is too far away: the price, or the one outside the regular session (`extended`), and from which price."""

    price: Decimal
    against: Decimal
    extended: bool = False

    def claim_of(self, quote: Quote) -> Decimal | None:
        """Return what another reading says of the same."""
        return quote.extended_price if self.extended else quote.price

    @property
    def percent(self) -> str:
        """Write how far it is."""
        return f"{(self.price / self.against - 1) * 100:+.0f} %"


def _jump_of(quote: Quote, references: Sequence[Decimal], limit: float) -> _Jump | None:
    """Return what of the reading is too far from all of the references; None where nothing is."""
    if not references or limit <= 0:
        return None
    for claim, extended in ((quote.price, False), (quote.extended_price, True)):
        if claim is not None and not any(_near(claim, reference, limit) for reference in references):
            return _Jump(claim, references[0], extended)
    return None


def _split_like(quote: Quote, jump: _Jump, stored: Quote | None, *, no_split: bool) -> Decimal | None:
    """Return the ratio of the split that a jump overnight looks like, None where it looks like none."""
    if stored is None or quote.day <= stored.day or no_split or jump.extended:
        return None
    for ratio in SPLITS:
        in_new_shares = jump.against / Decimal(ratio.numerator) * ratio.denominator
        if not _near(quote.price, in_new_shares, SPLIT_REACH):
            continue
        large = ratio >= LARGE_SPLIT or ratio * LARGE_SPLIT <= 1
        if large or quote.previous_close is None or not _near(quote.previous_close, jump.against, SAME_CLOSE):
            return Decimal(ratio.numerator) / ratio.denominator
    return None


def _of_split(quote: Quote, stored: Quote, held: Held | None, ratio: Decimal, jump: _Jump,
              now: dt.datetime) -> Judgement:
    """Hold what looks like a split until a second provider says so too, with its previous close in new shares.

    On a later day that close is one of a whole session at the new price: then the price is right, split or not.
    """
    close = quote.previous_close
    if held is not None and close is not None and _confirms(quote, held, jump, now):
        if quote.day > held.quote.day and _near(close, quote.price, JUMP):
            return Judgement(Verdict.TAKEN, against=jump.against, outcome="confirmed by the close of a whole session")
        told = quote.previous_day == stored.day and _near(close, jump.against / ratio, 0.01)
        if told and quote.source != held.quote.source:
            return Judgement(Verdict.TAKEN, against=jump.against, outcome=f"explained by a {in_words(ratio)} split",
                             split=Split(quote.day, ratio))
    reason = f"it looks like a {in_words(ratio)} split that is not known yet"
    return Judgement(Verdict.SPLIT, reason, jump.against, ratio)


def _of_jump(quote: Quote, stored: Quote | None, held: Held | None, jump: _Jump, now: dt.datetime) -> Judgement:
    """Take a price that is far from the last one only if it confirms the reading that was held for it."""
    against = jump.against
    unlikely, patience = _unlikely(jump, stored)
    ratio = _split_like(quote, jump, stored, no_split=held is not None and held.no_split) if not unlikely else None
    if ratio is not None and stored is not None:
        return _of_split(quote, stored, held, ratio, jump, now)
    if unlikely and (held is None or (held.quote.source == quote.source and now - held.first_at < patience)):
        return Judgement(Verdict.UNCONFIRMED, unlikely, against)
    if held is not None and _confirms(quote, held, jump, now):
        by = "a second reading" if quote.source == held.quote.source else "a second provider"
        return Judgement(Verdict.TAKEN, against=against, outcome=f"confirmed by {by}")
    where = " after hours" if jump.extended else ""
    return Judgement(Verdict.UNCONFIRMED, f"{jump.percent}{where} from the last price", against)


def _unlikely(jump: _Jump, stored: Quote | None) -> tuple[str, dt.timedelta]:
    """Return why a jump can hardly be true, and how long its own source must say so to be believed; "" where it may."""
    if stored is not None and jump.against != stored.price and _near(jump.price, stored.price, JUMP):
        return "in shares of before the split", HARDLY
    if any(_near(jump.price, jump.against * factor, HUNDRED_REACH) for factor in (HUNDRED, Decimal(1) / HUNDRED)):
        return "a hundred times off, as if in another unit", HARDLY_EVER
    return "", dt.timedelta(0)


def _ended(quote: Quote, held: Held | None, splits: Sequence[Split]) -> str:
    """Say what became of the held reading now that a price was taken without a jump."""
    if held is None:
        return ""
    if not _near(quote.price, held.quote.price, AGREES):
        return f"contradicted by {quote.price:f}"
    if held.quote.extended_price is not None and not (
            quote.extended_price and _near(quote.extended_price, held.quote.extended_price, AGREES)):
        return "not confirmed"
    known = [split for split in splits if split.day == held.quote.day]
    return f"explained by a {in_words(known[0].ratio)} split" if known else f"confirmed by {quote.price:f}"


def _confirms(quote: Quote, held: Held, jump: _Jump, now: dt.datetime) -> bool:
    """Tell whether this reading and the held one say the same of what jumped, independently enough."""
    claim = jump.claim_of(held.quote)
    if claim is None or not _near(jump.price, claim, AGREES):
        return False
    if quote.source != held.quote.source or now - held.first_at >= STANDS_BY_IT:
        return True
    return _made_at(quote, jump) > _made_at(held.quote, jump) and now - held.first_at >= SECOND_READING


def _made_at(quote: Quote, jump: _Jump) -> dt.datetime:
    return (quote.extended_as_of or quote.as_of) if jump.extended else quote.as_of


def _near(price: Decimal, other: Decimal, reach: float) -> bool:
    """Tell whether a price lies within `reach`, a part of the other price, around it."""
    return abs(price - other) <= other * Decimal(reach)


def _same_close(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= SAME_CLOSE_AT_LEAST or _near(one, other, SAME_CLOSE)
