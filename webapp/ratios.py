"""Ratios of splits as people write them: 4:1, 3:2, 1:10."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

MOST = 10_000
RATIO = re.compile(r"\s*(\d{1,5}(?:\.\d{1,4})?)\s*(?::|/|for)\s*(\d{1,5}(?:\.\d{1,4})?)\s*", re.ASCII | re.IGNORECASE)
# A ratio that came as a decimal, as 0.3333, is meant as one of small numbers where it is that near to one.
NEAR, SMALL = Fraction(1, 10_000), 1_000


def read_ratio(text: str) -> Decimal:
    """Return how many shares stand for each one before: 4 for 4:1, 0.1 for 1:10; raise ValueError with the reason."""
    found = RATIO.fullmatch(text)
    new, old = (Decimal(found[1]), Decimal(found[2])) if found else (Decimal(0), Decimal(0))
    if not new or not old:
        raise ValueError("Write it like 4:1 or 1:10.")
    if new == old:
        raise ValueError("That would change nothing.")
    if not Decimal(1) / MOST <= new / old <= MOST:
        raise ValueError("That is more than a split can be.")
    return new / old


def in_words(ratio: Decimal) -> str:
    """Write a split as people do: 4:1 for 4, 1:10 for 0.1; one of odd numbers stays a decimal, 1.0463:1."""
    exact = Fraction(ratio)
    small = exact.limit_denominator(SMALL) if exact >= 1 else 1 / (1 / exact).limit_denominator(SMALL)
    if abs(small - exact) <= exact * NEAR and min(small.numerator, small.denominator) <= 20:
        return f"{small.numerator}:{small.denominator}"
    return f"{ratio.normalize():f}:1"
