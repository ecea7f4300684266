"""Price paths out of nothing: every figure follows from a seed, a stock's name and a time, and from nothing else.

So any process, after any restart, finds the same figures again, without a word to the others. Prices are whole
ticks. A path is laid in two steps: a random walk from a known start to a known end gives the price every five
minutes; in between, the price wanders from one of them to the next and never leaves their range, so that the day's
high and low are known without walking each step.
"""

from __future__ import annotations

import datetime as dt
import math
from array import array
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, shake_128
from itertools import accumulate, repeat
from random import Random

STEP = 2  # seconds: the least time between two trades
BLOCK = 300  # seconds: what lies between two prices of a leg
STEPS = BLOCK // STEP
YEAR = 256  # days in one walk of closing prices
UNIFORM_WIDTH = math.sqrt(12)  # makes a random number from -0.5 to 0.5 as wide as a normal one
RESTLESSNESS = 0.2  # how far a step goes at most, as a share of the range of its block
AUCTION = 0.03  # the share of the day's volume that the opening auction trades
# What the regular session moves against the whole day: prices go to and fro more than they get on.
REGULAR_WIDTH = 1.1
WEEK = dt.timedelta(days=7)
# A week that rises by more standard deviations than the first, or falls by more than the second, is a busy one.
BUSY_RISE, BUSY_FALL, BUSYNESS, BUSIEST = 0.7, 2.0, 3.0, 5.0
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Stock:
    """What a simulated stock is like.

    `name` holds the seed too. `start` is the middle of its prices in ticks, `volatility` a day's as a share of the
    price, `spread` in basis points, `volume` shares on an ordinary day, `liveliness` of 256 steps those with a trade.
    """

    name: str
    start: float
    volatility: float
    spread: float
    volume: int
    liveliness: int


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a day: the price at its beginning, after each block and at its end, and the share traded by then."""

    name: str
    seconds: int
    prices: array[int]
    traded: array[float]


@dataclass(frozen=True, slots=True)
class Trade:
    """The newest trade of a leg at some moment: when, in seconds from its beginning, and what has been seen by then."""

    second: int
    price: int
    high: int
    low: int
    traded: float


def random_for(*words: object) -> Random:
    """Return random numbers that belong to these words alone."""
    digest = blake2b("|".join(map(str, words)).encode(), digest_size=8).digest()
    return Random(int.from_bytes(digest, "big"))


def describe_stock(seed: int, key: str, cheapest: float, dearest: float) -> Stock:
    """Return the character of a stock whose price in ticks lies somewhere between the two."""
    name = f"{seed}|{key}"
    random = random_for(name, "character")
    return Stock(
        name=name,
        start=cheapest * (dearest / cheapest) ** random.random(),
        volatility=random.uniform(0.15, 0.60) / math.sqrt(252),
        spread=random.uniform(1, 8),
        volume=int(300_000 * 150 ** random.random()),
        liveliness=random.randint(120, 250))


def close_of(stock: Stock, day: dt.date) -> int:
    """Return the day's closing price in ticks, at least one."""
    year, offset = divmod(day.toordinal(), YEAR)
    return max(1, round(stock.start * math.exp(_closes(stock, year)[offset])))


@lru_cache(maxsize=2048)
def _closes(stock: Stock, year: int) -> array[float]:
    """Return the logarithms of a year's closes against the start; anchors keep them near it for all times."""
    width = stock.volatility * math.sqrt(YEAR)
    start, end = (random_for(stock.name, "anchor", number).uniform(-1, 1) * width for number in (year, year + 1))
    return array("d", _walk(random_for(stock.name, "year", year), start, end, width, _even(YEAR))[0])


def open_of(stock: Stock, day: dt.date, previous_close: int) -> int:
    """Return the day's opening price, after a gap."""
    return _jump(random_for(stock.name, day, "open"), previous_close, stock.volatility * 0.35)


def after_hours_of(stock: Stock, day: dt.date, close: int) -> int:
    """Return where the price ends after the day's close."""
    return _jump(random_for(stock.name, day, "after"), close, stock.volatility * 0.15)


def _jump(random: Random, price: int, width: float) -> int:
    return max(1, round(price * math.exp((random.random() - 0.5) * UNIFORM_WIDTH * width)))


def volume_of(stock: Stock, day: dt.date) -> int:
    """Return how many shares the whole day trades: more in a week in which the price goes far."""
    return shares_of(stock, day, random_for(stock.name, day, "volume").random())


def shares_of(stock: Stock, day: dt.date, luck: float) -> int:
    """Return the volume of a day that has so much of it by luck, from 0 to 1."""
    saturday = day - dt.timedelta(days=(day.weekday() - SATURDAY) % 7)
    return int(stock.volume * 4 ** (luck - 0.5) * _busyness(stock, saturday))


@lru_cache(maxsize=4096)
def _busyness(stock: Stock, saturday: dt.date) -> float:
    """Return how much more than usual the week that ends on the next Friday trades, 1 where it is an ordinary one."""
    friday = saturday - dt.timedelta(days=1)
    move = math.log(close_of(stock, friday + WEEK) / close_of(stock, friday)) / (stock.volatility * math.sqrt(7))
    return min(1 + BUSYNESS * max(move - BUSY_RISE, -move - BUSY_FALL, 0.0), BUSIEST)


def day_leg(stock: Stock, day: dt.date, before: dt.date, seconds: int) -> Leg:
    """Return the path of a day's regular session; `before` is the session before it."""
    start = open_of(stock, day, close_of(stock, before))
    return leg_of(stock, f"{day}|regular", start, close_of(stock, day), seconds, stock.volatility * REGULAR_WIDTH)


@lru_cache(maxsize=1024)
def leg_of(stock: Stock, name: str, start: int, end: int, seconds: int, width: float) -> Leg:
    """Return the path of a part of a day from `start` to `end`; `width` is its volatility as a share of the price."""
    shape = _smile(math.ceil(seconds / BLOCK))
    walk, steps = _walk(random_for(stock.name, name), start, end, width * start, shape)
    # A block that moves trades more.
    shares = list(accumulate((weight * (0.02 + abs(step)) for weight, step in zip(shape[0], steps, strict=True)),
                             initial=0.0))
    scale = (1 - AUCTION) / shares[-1]
    return Leg(f"{stock.name}|{name}", seconds, array("q", [max(1, round(price)) for price in walk]),
               array("d", [AUCTION + scale * share for share in shares]))


def _walk(random: Random, start: float, end: float, width: float,
          shape: tuple[list[float], list[float]]) -> tuple[list[float], list[float]]:
    """Return a random walk from `start` to `end` and its raw steps; `shape` says how wide each step is."""
    weights, done = shape
    number = random.random
    steps = [(number() - 0.5) * weight for weight in weights]
    sums = list(accumulate(steps))
    scale = width * UNIFORM_WIDTH
    miss = end - start - scale * sums[-1]
    walk = [start + scale * total + share * miss for total, share in zip(sums, done, strict=True)]
    return [start, *walk], steps


@lru_cache
def _smile(blocks: int) -> tuple[list[float], list[float]]:
    """Shape a day: lively at both ends, calm in the middle."""
    return _shape([0.5 + 1.5 * (2 * (block + 0.5) / blocks - 1) ** 4 for block in range(blocks)])


@lru_cache
def _even(steps: int) -> tuple[list[float], list[float]]:
    return _shape(list(repeat(1.0, steps)))


def _shape(weights: list[float]) -> tuple[list[float], list[float]]:
    """Return how wide each step is, and which share of the variance is done after it; the last is exactly 1."""
    total = sum(weights)
    done = [share / total for share in accumulate(weights)]
    done[-1] = 1.0
    return [math.sqrt(weight / total) for weight in weights], done


def trade_at(leg: Leg, second: int, liveliness: int) -> Trade:
    """Return the newest trade, `second` seconds after the leg's beginning; a leg begins and ends with a trade."""
    if second >= leg.seconds:
        return Trade(leg.seconds, leg.prices[-1], max(leg.prices), min(leg.prices), 1.0)
    block, rest = divmod(max(0, second), BLOCK)
    seen = leg.prices[:block + 1]
    start, end = leg.prices[block], leg.prices[block + 1]
    high, low, price, last = max(seen), min(seen), start, 0
    for step, place in _places(leg.name, block, rest // STEP, liveliness):
        price, last = start + round((end - start) * place), step
        high, low = max(high, price), min(low, price)
    share = leg.traded[block] + (leg.traded[block + 1] - leg.traded[block]) * last / STEPS
    return Trade(block * BLOCK + last * STEP, price, high, low, share)


def _places(name: str, block: int, steps: int, liveliness: int) -> list[tuple[int, float]]:
    """Return the trades of a block up to a step: each with its place between the block's two prices, 0 to 1.

    A walk of random steps, bent to end where the next block begins and folded back wherever it would leave.
    """
    noise = shake_128(f"{name}|{block}".encode()).digest(2 * STEPS)
    lively, moves = noise[:STEPS], noise[STEPS:]
    scale = RESTLESSNESS / 127.5
    # A byte is 127.5 in the middle; what all of them miss of the way from 0 to 1 is shared out among the steps.
    slope = (1 - scale * (sum(moves) - 127.5 * STEPS)) / STEPS - scale * 127.5
    walked = accumulate(moves[:steps], initial=0)
    return [(step, abs((scale * total + step * slope + 1) % 2 - 1))
            for step, total in enumerate(walked) if step and lively[step] < liveliness]


def trades_in(leg: Leg, block: int, liveliness: int) -> list[tuple[int, int, float]]:
    """Return the trades of one block, oldest first: second of the leg, price, and the share traded by then.

    A block begins with a trade; the one that ends it is the first of the next.
    """
    start, end = leg.prices[block], leg.prices[block + 1]
    before, after = leg.traded[block], leg.traded[block + 1]
    places = [(0, 0.0), *_places(leg.name, block, STEPS - 1, liveliness)]
    return [(block * BLOCK + step * STEP, start + round((end - start) * place),
             before + (after - before) * step / STEPS) for step, place in places]


def sample(leg: Leg, second: int, liveliness: int, points: int) -> list[tuple[int, int]]:
    """Return the path so far, oldest first, as seconds and prices: at most `points`, the newest trade the last."""
    last = len(leg.prices) - 1
    grid = sorted({index * last // (points - 1) for index in range(points)})
    path = [(min(place * BLOCK, leg.seconds), leg.prices[place]) for place in grid]
    trade = trade_at(leg, second, liveliness)
    return [*[point for point in path if point[0] < trade.second], (trade.second, trade.price)]
