"""The sectors of companies as vendors call them, and what they are called here; see webapp.kinds."""

from __future__ import annotations

from webapp.kinds import FUND, SECTORS

# What vendors call them, in small letters; Finnhub writes the standard's names, others Morningstar's.
OTHER_NAMES = {
    "communication": "Communication Services", "communications": "Communication Services",
    "telecommunications": "Communication Services", "telecommunication services": "Communication Services",
    "consumer cyclical": "Consumer Discretionary", "consumer defensive": "Consumer Staples",
    "consumer non-cyclical": "Consumer Staples", "financial": "Financials", "financial services": "Financials",
    "finance": "Financials", "healthcare": "Health Care", "life sciences": "Health Care",
    "industrial": "Industrials", "industrial goods": "Industrials", "technology": "Information Technology",
    "basic materials": "Materials", "realestate": "Real Estate", "utility": "Utilities", "etf": FUND, "funds": FUND,
} | {name.lower(): name for name in SECTORS}


def sector_of(text: str) -> str:
    """Return the usual name of what a vendor calls a sector; "" where it is none that can be told."""
    return OTHER_NAMES.get(" ".join(text.lower().split()), "")
