"""TA-Lib is loaded without pandas and polars."""

from __future__ import annotations

import subprocess
import sys


def told(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_the_indicators_load_neither_pandas_nor_polars() -> None:
    modules = "indicators, weeks, stages, strength, breakouts, template, adjust"
    assert told(f"from webapp.analytics import {modules}\nimport sys\n"
                "print([name for name in ('talib', 'pandas', 'polars') if name in sys.modules])") == "['talib']"


def test_pandas_can_be_imported_after_it_was_kept_away() -> None:
    assert told("import webapp.analytics.ta\nimport pandas\nprint(pandas.Series([1.0, 3.0]).mean())") == "2.0"


def test_pandas_stays_what_it_was_where_it_was_loaded_before() -> None:
    assert told("import pandas as before\nimport webapp.analytics.ta\nimport pandas\nimport sys\n"
                "print(pandas is before, 'polars' in sys.modules)") == "True False"
