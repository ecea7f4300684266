"""What a chart shall show, as its address says it: range, scale, adjustment, lines, panes, comparisons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from werkzeug.datastructures import MultiDict

from webapp.records import Adjustment

# By the word in the address: what the button says, and what it means
RANGES = {"1d": ("1D", "1 day"), "5d": ("5D", "5 days"), "1m": ("1M", "1 month"), "6m": ("6M", "6 months"),
          "ytd": ("YTD", "since 1 January"), "1y": ("1Y", "1 year"), "5y": ("5Y", "5 years"),
          "max": ("Max", "all there is")}
MINUTE_RANGES = {"1d": 1, "5d": 5}  # in trading days
MONTHS = {"1m": 1, "6m": 6, "1y": 12, "5y": 60}
SCALES = {"linear": "Linear", "log": "Logarithmic"}
ADJUSTMENTS = {"splits": Adjustment.SPLITS, "dividends": Adjustment.ALL, "none": Adjustment.NONE}
EXTRAS = {"stages": "Stages", "week30": "30-week average", "sma50": "50-day average", "sma150": "150-day average",
          "sma200": "200-day average", "rs": "Relative strength (Mansfield)", "rsi": "RSI (14 days)"}
AVERAGES = {"sma50": 50, "sma150": 150, "sma200": 200}
USUAL_RANGE, USUAL_EXTRAS = "1y", ("stages", "week30")
MOST_OTHERS = 4
MOST_KEY = 30
MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Choices:
    """What is chosen. `others` are what it is compared with, as a person wrote it, at most MOST_OTHERS.

    `page` is the page of the table, from 1, `too_many` the others beyond those.
    """

    range: str = USUAL_RANGE
    scale: str = "linear"
    adjusted: str = "splits"
    extras: tuple[str, ...] = USUAL_EXTRAS
    others: tuple[str, ...] = ()
    page: int = 1
    too_many: tuple[str, ...] = ()

    @property
    def minutes(self) -> bool:
        """Tell whether it is of minutes, not of days."""
        return self.range in MINUTE_RANGES

    @property
    def adjustment(self) -> Adjustment:
        """Return what prices are to be adjusted for."""
        return ADJUSTMENTS[self.adjusted]

    def query(self, **changes: object) -> str:
        """Return it with changes as the query of an address, "?" included; what is usual is left out."""
        chosen = replace(self, **{"page": 1} | changes)  # type: ignore[arg-type]
        parts = {"range": chosen.range if chosen.range != USUAL_RANGE else None,
                 "scale": chosen.scale if chosen.scale != "linear" else None,
                 "adjusted": chosen.adjusted if chosen.adjusted != "splits" else None,
                 "with": ",".join(chosen.extras) if chosen.extras != USUAL_EXTRAS else None,
                 "compare": ",".join(chosen.others) or None,
                 "page": chosen.page if chosen.page > 1 else None}
        given = {name: value for name, value in parts.items() if value is not None}
        return f"?{urlencode(given, safe=',:', quote_via=quote)}" if given else ""


def read_choices(given: MultiDict[str, str]) -> Choices:
    """Return what an address says; what it does not say, or says wrongly, is as usual."""
    wanted = _words(given.getlist("with"))
    extras = tuple(name for name in EXTRAS if name in wanted) if "with" in given else USUAL_EXTRAS
    others = tuple(dict.fromkeys(word.upper()[:MOST_KEY] for word in _words(given.getlist("compare"))))
    return Choices(_one_of(RANGES, given.get("range"), USUAL_RANGE), _one_of(SCALES, given.get("scale"), "linear"),
                   _one_of(ADJUSTMENTS, given.get("adjusted"), "splits"), extras, others[:MOST_OTHERS],
                   _page(given.get("page", "")), others[MOST_OTHERS:])


def first_day(range_: str, last: dt.date) -> dt.date:
    """Return the first day of a range of days that ends on `last`."""
    if range_ == "ytd":
        return last.replace(month=1, day=1)
    return months_before(last, MONTHS[range_]) if range_ in MONTHS else dt.date.min


def months_before(day: dt.date, months: int) -> dt.date:
    """Return the same day of an earlier month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    return dt.date(year, month + 1, min(day.day, (following - dt.timedelta(days=1)).day))


def _words(texts: Iterable[str]) -> list[str]:
    """Return the words of texts that separate them by commas or spaces."""
    return [word for text in texts for word in text.replace(",", " ").split()]


def _one_of(known: Iterable[str], word: str | None, usual: str) -> str:
    return word.lower() if word is not None and word.lower() in known else usual


def _page(text: str) -> int:
    return min(max(int(text), 1), MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < 6 else 1
