"""The wire between browser and site, which a test may cut: a real proxy on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Wire:
    """Passes bytes on between a port of its own and the site's."""

    def __init__(self, port: int) -> None:
        self._site = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: set[socket.socket] = set()
        self._streams: set[socket.socket] = set()
        self._held: set[socket.socket] = set()
        self._cut = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for connections
        self._listener.close()

    def cut(self) -> None:
        """End every connection and take no other until mend()."""
        self._cut = True
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again."""
        self._cut = False

    def lose_streams(self) -> None:
        """Say no more on the streams that are open now, and tell nobody: what a machine finds that has slept."""
        self._held |= self._streams

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                if self._cut:
                    browser.close()
                    continue
                site = socket.create_connection(self._site)
                self._sockets |= {browser, site}
                for ends in ((browser, site), (site, browser)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if data.startswith(b"GET /live/stream"):
                    self._streams.add(target)
                if source not in self._held:
                    target.sendall(data)
        for end in (source, target):
            self._sockets.discard(end)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
