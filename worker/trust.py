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

from webapp.records import Quote, Split

# A price this many times beyond the day's own range is a mix-up of units or of columns, not a price.
BEYOND_RANGE = 2
# Clocks differ; a price from later than this is not one.
FUTURE = dt.timedelta(minutes=2)
# A price this far from the last one, as a part of it or in daily standard deviations, waits until it is confirmed.
JUMP, DEVIATIONS = 0.20, 8
# So near to the first reading a second one agrees with it. The source that gave the first must say it anew: of a later
# trade after some seconds, or the same for so long that it is no slip.
AGREES = 0.05
SECOND_READING, STANDS_BY_IT = dt.timedelta(seconds=10), dt.timedelta(minutes=10)
# The splits that companies make, new shares for old: 3:2, 2:1, ... and the other way round.
SPLITS = sorted({ratio for whole in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)
                 for ratio in (Fraction(whole), Fraction(1, whole))} | {Fraction(3, 2), Fraction(2, 3), Fraction(5, 4)})
# How far the price may move on the day of a split and still look like one; small ratios look like a mere move.
SPLIT_REACH, LARGE_SPLIT = 0.04, 2
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
    """A reading that waits: see HeldQuote. `no_split` says that a vendor was asked and knows of none."""

    quote: Quote
    first_at: dt.datetime
    ratio: Decimal | None = None
    no_split: bool = False


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
    return "a price from the future" if not quote.as_of_is_day and quote.as_of > now + FUTURE else ""


def judge(quote: Quote, stored: Quote | None, held: Held | None, splits: Sequence[Split], deviation: float | None,
          now: dt.datetime) -> Judgement:
    """Judge a reading in the instrument's currency against the price that is `stored`.

    `splits` are those that are known of the instrument, `deviation` is the standard deviation of its daily returns,
    None where it is unknown.
    """
    refused = judge_figures(quote, stored, now)
    if refused is not None:
        return refused
    references = _references(quote, stored, splits)
    against = _jumped(quote, references, min(JUMP, DEVIATIONS * deviation) if deviation else JUMP)
    if against is None:
        return Judgement(Verdict.TAKEN, outcome=_ended(quote, held, splits))
    return _of_jump(quote, stored, held, against, now)


def judge_figures(quote: Quote, stored: Quote | None, now: dt.datetime) -> Judgement | None:
    """Judge a reading by its own figures and its time only; None where they may be right."""
    wrong = flaw(quote, now)
    if wrong:
        return Judgement(Verdict.REJECTED, wrong)
    if stored is not None and quote.as_of < stored.as_of:
        return Judgement(Verdict.OLDER, "a price older than the one that is known")
    return None


def best_previous_close(quote: Quote, own: Decimal | None) -> tuple[Decimal | None, str]:
    """Return what the day's change is to be measured against, and what is odd about it in words.

    Three can say it: the provider's previous close, its own change, and the close that we had of the session before
    (`own`). Two that agree are right; where all differ the provider's previous close counts.
    """
    stated = quote.price - quote.stated_change if quote.stated_change is not None else None
    if stated is not None and stated <= 0:
        stated = None
    given = [close for close in (quote.previous_close, stated, own) if close is not None]
    if not given:
        return None, ""
    for number, close in enumerate(given):
        if any(_same_close(close, other) for other in given[number + 1:]):
            break
    else:
        close = given[0]
    if all(_same_close(close, other) for other in given):
        return close, ""
    names = {"its previous close": quote.previous_close, "its own change": stated, "the close we had": own}
    said = ", ".join(f"{name} says {value:f}" for name, value in names.items() if value is not None)
    return close, f"the previous close is in doubt: {said}; {close:f} is used"


def adjusted(price: Decimal, splits: Iterable[Split], after: dt.date, until: dt.date) -> Decimal:
    """Return a price of the day `after` in the shares of the day `until`."""
    for split in splits:
        if after < split.day <= until:
            price /= split.ratio
    return price


def standard_deviation(closes: Sequence[Decimal]) -> float | None:
    """Return the standard deviation of daily log returns of closes in order of days; None for fewer than 20 returns.

    A return beyond a half is a split that nobody told us of, and left out.
    """
    returns = [math.log(new / old) for old, new in pairwise(closes) if old > 0 and new > 0]
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


def _jumped(quote: Quote, references: Sequence[Decimal], limit: float) -> Decimal | None:
    """Return the price that the reading is too far from; None where it is near one of the references."""
    if not references or limit <= 0:
        return None
    claims = [quote.price] if quote.extended_price is None else [quote.price, quote.extended_price]
    for claim in claims:
        if not any(_near(claim, reference, limit) for reference in references):
            return references[0]
    return None


def _split_like(quote: Quote, against: Decimal, stored: Quote | None, *, no_split: bool) -> Decimal | None:
    """Return the ratio of the split that a jump overnight looks like, None where it looks like none."""
    if stored is None or quote.day <= stored.day or no_split:
        return None
    for ratio in SPLITS:
        in_new_shares = against / Decimal(ratio.numerator) * ratio.denominator
        if not _near(quote.price, in_new_shares, SPLIT_REACH):
            continue
        large = ratio >= LARGE_SPLIT or ratio * LARGE_SPLIT <= 1
        if large or quote.previous_close is None or not _near(quote.previous_close, against, SAME_CLOSE):
            return Decimal(ratio.numerator) / ratio.denominator
    return None


def _of_split(quote: Quote, held: Held | None, ratio: Decimal, against: Decimal, now: dt.datetime) -> Judgement:
    """Hold what looks like a split; take it once the vendor's previous close is in new shares and it is confirmed."""
    told = quote.previous_close is not None and _near(quote.previous_close, against / ratio, 0.01)
    if told and held is not None and _confirms(quote, held, now):
        split = Split(quote.day, ratio)
        return Judgement(Verdict.TAKEN, against=against, outcome=f"explained by a {in_words(ratio)} split", split=split)
    return Judgement(Verdict.SPLIT, f"it looks like a {in_words(ratio)} split that is not known yet", against, ratio)


def _of_jump(quote: Quote, stored: Quote | None, held: Held | None, against: Decimal, now: dt.datetime) -> Judgement:
    """Take a price that is far from the last one only if it confirms the reading that was held for it."""
    if stored is not None and against != stored.price and _near(quote.price, stored.price, JUMP):
        return Judgement(Verdict.UNCONFIRMED, "in shares of before the split", against)
    ratio = _split_like(quote, against, stored, no_split=held is not None and held.no_split)
    if ratio is not None:
        return _of_split(quote, held, ratio, against, now)
    mistaken = any(_near(quote.price, against * factor, HUNDRED_REACH) for factor in (HUNDRED, Decimal(1) / HUNDRED))
    if mistaken and (held is None or held.quote.source == quote.source):
        return Judgement(Verdict.UNCONFIRMED, "a hundred times off, as if in another unit", against)
    if held is not None and _confirms(quote, held, now):
        by = "a second reading" if quote.source == held.quote.source else "a second provider"
        return Judgement(Verdict.TAKEN, against=against, outcome=f"confirmed by {by}")
    return Judgement(Verdict.UNCONFIRMED, f"{_percent(quote, against)} from the last price", against)


def _ended(quote: Quote, held: Held | None, splits: Sequence[Split]) -> str:
    """Say what became of the held reading now that a price was taken without a jump."""
    if held is None:
        return ""
    if not _near(quote.price, held.quote.price, AGREES):
        return f"contradicted by {quote.price:f}"
    known = [split for split in splits if split.day == held.quote.day]
    return f"explained by a {in_words(known[0].ratio)} split" if known else f"confirmed by {quote.price:f}"


def _confirms(quote: Quote, held: Held, now: dt.datetime) -> bool:
    """Tell whether this reading and the held one say the same, independently enough."""
    if not _near(quote.price, held.quote.price, AGREES):
        return False
    if quote.source != held.quote.source or now - held.first_at >= STANDS_BY_IT:
        return True
    return quote.as_of > held.quote.as_of and now - held.first_at >= SECOND_READING


def in_words(ratio: Decimal) -> str:
    """Write a split as people do: 4:1, 3:2, 1:10."""
    part = Fraction(ratio).limit_denominator(100)
    return f"{part.numerator}:{part.denominator}"


def _near(price: Decimal, other: Decimal, reach: float) -> bool:
    """Tell whether a price lies within `reach`, a part of the other price, around it."""
    return abs(price - other) <= other * Decimal(reach)


def _same_close(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= SAME_CLOSE_AT_LEAST or _near(one, other, SAME_CLOSE)


def _percent(quote: Quote, against: Decimal) -> str:
    return f"{(quote.price / against - 1) * 100:+.0f} %"
