"""Many viewers in one process that costs less than any server: sse_viewers.c."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.streams.machine import LOAD_CORE, BenchmarkError, Process
from benchmarks.streams.stamps import Stamps

LIMIT_S = 7200


class Server(Protocol):
    """What viewers must know of the server that they watch."""

    port: int
    web: int
    name: str
    stamp_mark: str
    row_mark: str
    conflates: bool


class Viewers:
    """So many viewers, each with one of the requests in turn."""

    def __init__(self, folder: Path, server: Server, stamps: Path, count: int, requests: Sequence[Sequence[str]],
                 churn: float = 0) -> None:
        Stamps(stamps)  # the file must be there
        self._server, self.count = server, count
        path = folder / f"requests-{id(self)}"
        path.write_text("".join("\n".join(request) + "\n.\n" for request in requests))
        self._process = Process(
            [folder / "sse_viewers", str(server.port), str(count), path, stamps, server.stamp_mark, server.row_mark,
             str(int(server.conflates)), str(churn), str(LIMIT_S)], LOAD_CORE, folder / "viewers.txt", talks=True)

    def connected(self) -> dict[str, Any]:
        """Wait until all have come; return how many, and how long it took."""
        found = self._process.ask()
        if found["viewers"] < self.count:
            raise BenchmarkError(f"{self._server.name} took {found['viewers']} viewers of {self.count}")
        return found

    def begin(self) -> None:
        """Forget what came so far and count from now on."""
        self._process.tell("go")

    def so_far(self) -> dict[str, Any]:
        """Return what was counted since begin(), and go on."""
        self._process.tell("tell")
        return self._process.ask()

    def end(self) -> dict[str, Any]:
        """Leave, and return what was counted."""
        self._process.tell("end")
        return self._process.ask()

    def stop(self) -> None:
        """End them, whatever they do."""
        self._process.stop()
