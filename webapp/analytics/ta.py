"""TA-Lib, without what it would load beside itself: with pandas or polars in reach it imports them, 100 MB and more."""

from __future__ import annotations

import sys
from types import ModuleType

HIDDEN = ("pandas", "polars")


def _load() -> ModuleType:
    """Import TA-Lib as if pandas and polars were not installed; where one was loaded before it stays loaded."""
    loaded = {name: sys.modules[name] for name in HIDDEN if name in sys.modules}
    for name in HIDDEN:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own sign for "not to be found"
    try:
        import talib  # noqa: PLC0415
    finally:
        for name in HIDDEN:
            del sys.modules[name]
        sys.modules.update(loaded)
    return talib


# Its functions take contiguous float64 of one length; a NaN behind the first numbers spreads to the end.
library: ModuleType = _load()
