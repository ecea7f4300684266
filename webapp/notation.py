"""How people and other programs write a stock: AAPL, NASDAQ:AAPL, XNAS:AAPL, BRK-B, TSCO.L, TSCO.LON."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from webapp.markets import EXCHANGES


@dataclass(frozen=True, slots=True)
class Reading:
    """One meaning that a text may have: a canonical symbol, on one of these exchanges, or on any if None."""

    symbol: str
    mics: frozenset[str] | None = None


def _exchanges_by_prefix() -> dict[str, frozenset[str]]:
    """Return which exchanges a word before the colon may mean: its own code, or TradingView's word."""
    found: dict[str, set[str]] = defaultdict(set)
    for exchange in EXCHANGES.values():
        found[exchange.mic].add(exchange.mic)
        found[exchange.prefix].add(exchange.mic)
    return {word: frozenset(mics) for word, mics in found.items()}


BY_PREFIX = _exchanges_by_prefix()
BY_SUFFIX = {suffix: frozenset({exchange.mic}) for exchange in EXCHANGES.values() for suffix in exchange.suffixes}
# Share classes are written with any of these; ours is the dot.
_CLASS_SIGNS = str.maketrans("-/_", "...")


def canonical(symbol: str) -> str:
    """Return the symbol as it is stored: BRK-B becomes BRK.B, and London's BP. loses the dot at its end."""
    return symbol.strip().upper().translate(_CLASS_SIGNS).rstrip(".")


def readings(text: str) -> list[Reading]:
    """Return every meaning the text may have, none where it cannot be a symbol."""
    # Letters such as ß become A to Z when they are made upper case; NUL is in no symbol, and PostgreSQL refuses it.
    if not text.strip().isascii() or "\0" in text:
        return []
    text = text.strip().lstrip("$").upper()
    if ":" in text:
        word, _, symbol = text.partition(":")
        mics = BY_PREFIX.get(word.strip())
        return [_on(symbol, mics)] if mics and canonical(symbol) else []
    found = [Reading(canonical(text))] if canonical(text) else []
    symbol, _, suffix = text.rpartition(".")
    if suffix in BY_SUFFIX and canonical(symbol):
        found.append(_on(symbol, BY_SUFFIX[suffix]))
    return found


def _on(symbol: str, mics: frozenset[str]) -> Reading:
    """Return the reading on these exchanges; Hong Kong's numbers have four digits, however they are written."""
    symbol = canonical(symbol)
    if symbol.isdigit() and "XHKG" in mics:
        symbol = symbol.lstrip("0").zfill(4)
    return Reading(symbol, mics)
