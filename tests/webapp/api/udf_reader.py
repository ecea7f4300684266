"""A reader of the universal data feed, written after its public description: what charting front ends do with it.

It knows nothing of the server but its address. As front ends do, it asks what there is, resolves a symbol, pages bars
backwards from now until there are no more, asks again for the newest ones, and is strict about what it is given.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

Fetch = Callable[[str], str]
A_DAY = 86_400
FIELDS = {"name": str, "ticker": str, "description": str, "type": str, "session": str, "timezone": str,
          "exchange": str, "listed_exchange": str, "format": str, "minmov": int, "pricescale": int,
          "has_intraday": bool, "has_daily": bool, "has_weekly_and_monthly": bool, "supported_resolutions": list,
          "intraday_multipliers": list, "volume_precision": int, "data_status": str, "currency_code": str}


class FeedError(Exception):
    """The feed says that something is wrong."""


@dataclass(frozen=True)
class FeedBar:
    """One bar; `time` is in seconds."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: int | None


@dataclass
class Feed:
    """A feed that is read by `fetch`, which takes a path like "time" and returns the answer's text."""

    fetch: Fetch
    config: dict[str, Any] = field(default_factory=dict)

    def start(self) -> Feed:
        """Ask what the feed can."""
        self.config = self._json("config")
        assert self.config["supports_search"] is not self.config["supports_group_request"]
        assert all(isinstance(each, str) for each in self.config["supported_resolutions"])
        assert all(isinstance(each["value"], str) and each["name"] for each in self.config["exchanges"])
        return self

    def now(self) -> int:
        """Return the server's time."""
        return int(self.fetch("time"))

    def search(self, text: str, kind: str = "", exchange: str = "") -> list[dict[str, Any]]:
        """Return the symbols that a text may mean."""
        found = self._json("search", query=text.upper(), type=kind, exchange=exchange, limit=30)
        assert isinstance(found, list)
        assert all({"symbol", "full_name", "description", "exchange", "type"} <= set(each) for each in found)
        return found

    def resolve(self, name: str) -> dict[str, Any]:
        """Return what is to be known of a symbol."""
        info: dict[str, Any] = self._json("symbols", symbol=name)
        if "s" in info:
            raise FeedError(info["errmsg"])
        for name_, kind in FIELDS.items():
            assert type(info[name_]) is kind, name_
        assert set(info["supported_resolutions"]) <= set(self.config["supported_resolutions"])
        assert ZoneInfo(info["timezone"])
        Sessions(info)
        return info

    def bars(self, info: dict[str, Any], resolution: str, begin: int, end: int, count: int) -> list[FeedBar]:
        """Return so many bars that began before `end`; none where there are no more."""
        assert resolution in info["supported_resolutions"]
        found = self._json("history", symbol=info["ticker"], resolution=resolution, **{"from": begin}, to=end,
                           countback=count)
        if found["s"] == "no_data":
            return []
        if found["s"] != "ok":
            raise FeedError(found["errmsg"])
        volumes = found.get("v", [None] * len(found["t"]))
        bars = [FeedBar(*values) for values in zip(*(found[name] for name in "tohlc"), volumes, strict=True)]
        assert all(one.time < other.time for one, other in pairwise(bars))
        assert all(bar.time < end for bar in bars)
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
        return bars

    def all_bars(self, info: dict[str, Any], resolution: str, count: int = 300) -> list[FeedBar]:
        """Page backwards from now until there are no more; every page must fit to the one before it."""
        end, found = self.now() + 1, list[FeedBar]()
        while page := self.bars(info, resolution, end - count * A_DAY, end, count):
            found[:0] = page
            end = page[0].time
        sessions = Sessions(info)
        for bar in found:
            assert sessions.is_in(bar.time) if resolution.isdigit() else bar.time % A_DAY == 0
        return found

    def newest(self, info: dict[str, Any], resolution: str) -> FeedBar:
        """Poll: return the bar that goes on."""
        now = self.now()
        return self.bars(info, resolution, now - 10 * A_DAY, now, 2)[-1]

    def quotes(self, *names: str) -> dict[str, dict[str, Any]]:
        """Return the newest prices by the names they were asked for by."""
        found = self._json("quotes", symbols=",".join(names))
        assert found["s"] == "ok"
        assert [each["n"] for each in found["d"]] == list(names)
        return {each["n"]: each["v"] for each in found["d"] if each["s"] == "ok"}

    def _json(self, path: str, **query: object) -> Any:
        return json.loads(self.fetch(f"{path}?{urlencode(query)}" if query else path))


class Sessions:
    """When a symbol trades, read from its session string, its corrections and its holidays."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.zone = ZoneInfo(info["timezone"])
        self.week: dict[int, list[tuple[int, int]]] = {}
        for part in info["session"].split("|"):
            hours, _, days = part.partition(":")
            for number in days or "23456":
                self.week[int(number)] = self._hours(hours)
        self.days = {day: self._hours(part.partition(":")[0]) for part in info["corrections"].split(";") if part
                     for day in part.partition(":")[2].split(",")}
        self.days |= {day: [] for day in info["session_holidays"].split(",") if day and day not in self.days}

    def is_in(self, second: int) -> bool:
        """Tell whether a moment is within a session."""
        local = dt.datetime.fromtimestamp(second, self.zone)
        minute = local.hour * 60 + local.minute
        hours = self.days.get(f"{local:%Y%m%d}", self.week.get(local.isoweekday() % 7 + 1, []))
        return any(start <= minute < end for start, end in hours)

    @staticmethod
    def _hours(text: str) -> list[tuple[int, int]]:
        """Read 0900-1130,1230-1530; midnight at the end is that of the next day."""
        found = []
        for part in text.split(","):
            start, end = (int(each[:2]) * 60 + int(each[2:]) for each in part.split("-"))
            found.append((start, end or 1440))
        return found
