"""What vendors' directories and company pages have in common: exchanges, kinds and clean texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from webapp.markets import EXCHANGES
from webapp.notation import canonical
from webapp.records import Listing, unit_of
from worker.providers.figures import FigureError, parse_price

# Parts of exchanges that have codes of their own, by the exchange that a stock is stored on.
SEGMENTS = {"XNGS": "XNAS", "XNMS": "XNAS", "XNCM": "XNAS", "XNIM": "XNAS", "MTAA": "XMIL", "XETB": "XETR",
            "XETA": "XETR", "AIMX": "XLON"}
SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.]{0,23}")
UNIT = re.compile(r"[A-Z]{3}")
COUNTRY = re.compile(r"[A-Z]{2}")
WEBSITE = re.compile(r"https?://[^\s\"'<>]{4,200}", re.IGNORECASE)
# Countries by the names that vendors have for them, where no code is given.
COUNTRIES = {
    "USA": "US", "UNITED STATES": "US", "UNITED STATES OF AMERICA": "US", "CANADA": "CA", "BRAZIL": "BR",
    "MEXICO": "MX", "UNITED KINGDOM": "GB", "GERMANY": "DE", "FRANCE": "FR", "NETHERLANDS": "NL", "BELGIUM": "BE",
    "PORTUGAL": "PT", "ITALY": "IT", "SPAIN": "ES", "SWITZERLAND": "CH", "SWEDEN": "SE", "DENMARK": "DK",
    "FINLAND": "FI", "NORWAY": "NO", "IRELAND": "IE", "AUSTRIA": "AT", "LUXEMBOURG": "LU", "ISRAEL": "IL",
    "SOUTH AFRICA": "ZA", "JAPAN": "JP", "HONG KONG": "HK", "CHINA": "CN", "TAIWAN": "TW", "SOUTH KOREA": "KR",
    "INDIA": "IN", "SINGAPORE": "SG", "AUSTRALIA": "AU", "BERMUDA": "BM", "CAYMAN ISLANDS": "KY", "ARGENTINA": "AR"}
# Endings that many vendors share with Yahoo, as in 7203.T; a letter of a share class is none of them.
ENDINGS = {exchange.suffixes[0]: exchange.mic for exchange in EXCHANGES.values() if exchange.suffixes}
FIGI = re.compile(r"[A-Z]{2}G[A-Z0-9]{9}")
# Words that vendors have for what a listing is; each is looked for in the order of the list, in lower case.
WORDS: tuple[tuple[str, str], ...] = (
    ("warrant", "warrant"), ("right", "right"), ("unit", "unit"), ("preferred", "preferred"),
    ("preference", "preferred"), ("etf", "etf"), ("etn", "etf"), ("etp", "etf"), ("etc", "etf"),
    ("exchange traded", "etf"), ("exchange-traded", "etf"), ("fund", "fund"), ("index", "index"), ("bond", "bond"),
    ("note", "bond"), ("crypto", "crypto"), ("digital", "crypto"), ("currency", "currency"), ("forex", "currency"))
STOCKS = ("stock", "share", "equity", "depositary", "adr", "gdr", "reit", "ltd part")


def text_of(value: Any, most: int = 300) -> str:
    """Return a text on one line, without signs that cannot be shown; "" where there is none."""
    if not isinstance(value, str):
        return ""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())
    return "" if text in {"-", "None", "N/A", "null", "NULL"} else text[:most].strip()


def symbol_of(value: Any) -> str:
    """Return a vendor's symbol as it is stored, BRK.B; "" where it cannot be one."""
    symbol = canonical(value) if isinstance(value, str) and value.isascii() else ""
    return symbol if SYMBOL.fullmatch(symbol) else ""


def mic_of(value: Any, words: Mapping[str, str] = {}) -> str:
    """Return our exchange for a vendor's code or for one of its `words`; "" for one that we do not have."""
    text = text_of(value)
    code = words.get(text) or SEGMENTS.get(text.upper(), text.upper())
    return code if code in EXCHANGES else ""


def unit_from(value: Any) -> str:
    """Return what prices are quoted in: USD, GBX for GBp too; "" where it is not said."""
    text = text_of(value)
    unit = unit_of(text) or text.upper()
    return unit if UNIT.fullmatch(unit) else ""


def country_from(value: Any, mic: str = "") -> str:
    """Return a code of a country as ISO 3166 has it, of two letters, from a code or a name; else the exchange's."""
    text = text_of(value).upper()
    if COUNTRY.fullmatch(text) or text in COUNTRIES:
        return COUNTRIES.get(text, text)
    return EXCHANGES[mic].country if mic in EXCHANGES else ""


def website_of(value: Any) -> str:
    """Return an address that may be a link; "" for any other text."""
    text = text_of(value)
    if text.lower().startswith("www."):
        text = f"https://{text}"
    return text if WEBSITE.fullmatch(text) else ""


def by_ending(value: Any) -> tuple[str, str]:
    """Return symbol and exchange of one that is written as 7203.T; both "" for one without such an ending."""
    symbol, _, ending = value.rpartition(".") if isinstance(value, str) else ("", "", "")
    mic, stored = ENDINGS.get(ending, ""), symbol_of(symbol)
    if not mic or not stored:
        return "", ""
    return (stored.lstrip("0").zfill(4) if mic == "XHKG" and stored.isdigit() else stored), mic


def without_repeats(found: Iterable[Listing | None]) -> list[Listing]:
    """Return the listings in their order, each one once."""
    kept: dict[str, Listing] = {}
    for listing in found:
        if listing is not None:
            kept.setdefault(listing.key, listing)
    return list(kept.values())


def money_of(value: Any, unit: int = 1) -> Decimal | None:
    """Return an amount that comes as a count of `unit`, such as millions; None where it is missing or is no number."""
    with suppress(FigureError):
        found = parse_price(value, "an amount")
        return found * unit if found is not None else None
    return None


def figi_of(*values: Any) -> str:
    """Return the first of the values that is a FIGI."""
    texts = (text_of(value).upper() for value in values)
    return next((text for text in texts if FIGI.fullmatch(text)), "")


def kind_of(value: Any, words: Mapping[str, str] = {}) -> str:
    """Return one of KINDS (webapp/kinds.py) for what a vendor calls a listing; `words` are codes of its own.

    No word is a stock.
    """
    text = text_of(value)
    if not text or text in words:
        return words.get(text, "stock")
    lower = text.lower()
    if any(word in lower for word in ("common stock", "ordinary", "depositary")):
        return "stock"
    for word, kind in WORDS:
        if re.search(rf"\b{word}", lower):
            return kind
    return "stock" if any(word in lower for word in STOCKS) else "other"
