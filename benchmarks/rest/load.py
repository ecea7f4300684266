"""A client that asks for addresses in turn, over and over, on connections that stay open; it prints what it counted.

python -m benchmarks.rest.load PORT PATHS CONNECTIONS SECONDS, where PATHS is a list as JSON
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Callable, Sequence

PATIENCE_S = 20


class Connection:
    """One connection, with one request on its way at a time; it begins with the one at `place`."""

    def __init__(self, port: int, requests: Sequence[bytes], place: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at, self.buffer, self.wanted = 0.0, bytearray(), 0
        self._requests, self._place = requests, place

    def ask(self) -> None:
        """Send the request."""
        self.buffer.clear()
        self.wanted, self.sent_at = 0, time.perf_counter()
        self.socket.sendall(self._requests[self._place % len(self._requests)])
        self._place += 1

    def hear(self) -> bool:
        """Read what came; tell whether the answer is whole. Raise ValueError for one that is not 200."""
        data = self.socket.recv(262_144)
        if not data:
            raise ValueError("the server hung up")
        self.buffer += data
        if not self.wanted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = bytes(self.buffer[:end]).lower()
            if not head.startswith(b"http/1.1 200"):
                raise ValueError(bytes(self.buffer[:400]).decode(errors="replace"))
            self.wanted = end + 4 + int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return len(self.buffer) >= self.wanted


def load(port: int, paths: Sequence[str], connections: int, seconds: float) -> dict[str, float]:
    """Ask for so long; return how many answers came, and after how many milliseconds."""
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode()
                for path in paths]
    made = [Connection(port, requests, place * len(requests) // connections) for place in range(connections)]
    _ask_for(made, seconds / 4, lambda _took: None)  # what is loaded once, is loaded now
    times: list[float] = []
    began, spent = time.perf_counter(), time.process_time()
    _ask_for(made, seconds, times.append)
    took, spent = time.perf_counter() - began, time.process_time() - spent
    times.sort()
    return {"answers": len(times), "per_s": len(times) / took, "p50_ms": times[len(times) // 2] * 1000,
            "p99_ms": times[int(len(times) * 0.99)] * 1000, "bytes": made[0].wanted, "client_cpu": spent / took}


def _ask_for(made: list[Connection], seconds: float, note: Callable[[float], object]) -> None:
    """Keep each connection busy until the time is over, then wait for what is on its way."""
    with selectors.DefaultSelector() as selector:
        for each in made:
            selector.register(each.socket, selectors.EVENT_READ, each)
            each.ask()
        until, open_ones = time.perf_counter() + seconds, len(made)
        while open_ones:
            ready = selector.select(PATIENCE_S)
            if not ready:
                raise ValueError("the server does not answer")
            for key, _mask in ready:
                if not key.data.hear():
                    continue
                now = time.perf_counter()
                note(now - key.data.sent_at)
                if now < until:
                    key.data.ask()
                else:
                    selector.unregister(key.fileobj)
                    open_ones -= 1


if __name__ == "__main__":
    print(json.dumps(load(int(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
