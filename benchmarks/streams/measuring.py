"""One measurement: viewers come, it settles, and for so many seconds everything is counted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.streams.machine import BenchmarkError, cpu_seconds, resident_kb
from benchmarks.streams.viewers import Server, Viewers

SETTLE_S = 3
WARM_UP = 100


def warm_up(folder: Path, server: Server, stamps: Path, requests: Sequence[Sequence[str]]) -> None:
    """Let some viewers come and go, so that what the server loads once is not counted as a viewer's."""
    viewers = Viewers(folder, server, stamps, WARM_UP, requests)
    try:
        viewers.connected()
        viewers.begin()
        time.sleep(SETTLE_S)
        viewers.end()
    finally:
        viewers.stop()
    time.sleep(1)


def measure(folder: Path, server: Server, stamps: Path, count: int, requests: Sequence[Sequence[str]],
            seconds: float, *, warm: bool = True) -> dict[str, Any]:
    """Return what was delivered in `seconds`, and what it cost the server."""
    if warm:
        warm_up(folder, server, stamps, requests)
    before = resident_kb(server.web)
    viewers = Viewers(folder, server, stamps, count, requests)
    try:
        connected = viewers.connected()
        time.sleep(SETTLE_S)
        cpu = cpu_seconds(server.web)
        viewers.begin()
        time.sleep(seconds)
        cpu = cpu_seconds(server.web) - cpu
        memory = resident_kb(server.web) - before
        counted = viewers.end()
    finally:
        viewers.stop()
    if not counted["rows"]:
        raise BenchmarkError(f"{server.name} delivered nothing")
    return figures(counted, cpu) | {"kb_per_viewer": round(memory / count, 2), "connect_s": connected["seconds"]}


def figures(counted: dict[str, Any], cpu: float) -> dict[str, Any]:
    """Return what was counted with its cost per event and per row."""
    seconds = counted["seconds"]
    return counted | {
        "server_cpu": round(cpu / seconds, 3),
        "us_per_event": round(cpu / counted["events"] * 1e6, 2) if counted["events"] else None,
        "us_per_row": round(cpu / counted["rows"] * 1e6, 3) if counted["rows"] else None,
        "events_per_s": round(counted["events"] / seconds),
        "rows_per_s": round(counted["rows"] / seconds),
        "mb_per_s": round(counted["bytes"] / seconds / 1e6, 1)}
