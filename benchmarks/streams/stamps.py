"""The times at which versions were published, in a file that publishers write and viewers read."""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

SLOTS = 65_536


class Stamps:
    """Slot `version % SLOTS` holds the time of CLOCK_MONOTONIC in nanoseconds."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SLOTS * 8))
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), SLOTS * 8)

    def mark(self, version: int) -> None:
        """Say that `version` is published now."""
        struct.pack_into("<q", self._map, version % SLOTS * 8, time.monotonic_ns())
