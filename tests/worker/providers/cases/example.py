"""The example of docs/providers.md."""

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at
from tests.worker.providers.example import Example

MADE = {"symbol": "AAPL", "last": 212.45, "at": int(at("2026-06-10 14:59:30").timestamp()), "high": 213.1, "low": 209.8,
        "previous": 210.1, "change": 2.35}

CASE = Case(make=Example, keys=("EXAMPLE_API_KEY",), url="EXAMPLE_URL", answer=MADE, price="212.45",
            zero={**MADE, "last": 0}, negative={**MADE, "last": -1})
