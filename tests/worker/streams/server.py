"""A vendor's web socket on loopback, made by hand so that it can break every rule: halves, resets, silence, floods."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CONTINUATION, CLOSE, PING, PONG = 1, 0, 8, 9, 10


def frame(data: bytes | str, opcode: int = TEXT, *, fin: bool = True) -> bytes:
    """Return a frame as servers send it."""
    payload = data.encode() if isinstance(data, str) else data
    first = (0x80 if fin else 0) | opcode
    if len(payload) < 126:
        return bytes((first, len(payload))) + payload
    if len(payload) < 65_536:
        return bytes((first, 126)) + struct.pack("!H", len(payload)) + payload
    return bytes((first, 127)) + struct.pack("!Q", len(payload)) + payload


class Peer:
    """One client: what it asked for, what it said, and ways to answer."""

    def __init__(self, connection: socket.socket, server: SocketServer) -> None:
        self.connection = connection
        self.server = server
        self.request = ""
        self.said: list[dict[str, Any]] = []
        self.symbols: set[str] = set()
        self.ready = self.gone = False
        self._lock = threading.Lock()

    def raw(self, *pieces: bytes, pause: float = 0) -> None:
        """Send bytes, with nothing else in between; a client that has gone away takes none."""
        with self._lock, suppress(OSError):
            for piece in pieces:
                self.connection.sendall(piece)
                time.sleep(pause)

    def tell(self, message: object) -> None:
        """Send a message as JSON, or a text as it is."""
        self.raw(frame(message if isinstance(message, str) else json.dumps(message)))

    def reset(self) -> None:
        """End the connection the hard way."""
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()

    def serve(self) -> None:
        """Shake hands and listen until the client goes."""
        with suppress(OSError, struct.error):
            if self._shake_hands():
                self.server.greet(self)
                while self._listen():
                    pass
        self.gone = True

    def _shake_hands(self) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = self.connection.recv(1)
            if not piece:
                return False
            head += piece
        self.request = head.decode()
        if self.server.status != 101:
            self.raw(f"HTTP/1.1 {self.server.status} No\r\nLocation: {self.server.location}\r\n"
                     f"Content-Length: 0\r\n\r\n".encode())
            self.connection.close()
            return False
        key = next(line.split(": ")[1] for line in self.request.splitlines() if line.startswith("Sec-WebSocket-Key"))
        accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
        self.raw(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        return True

    def _listen(self) -> bool:
        """Read one frame; tell whether there may be more."""
        opcode, length = struct.unpack("!BB", self._exactly(2))
        length &= 0x7F
        if length == 126:
            [length] = struct.unpack("!H", self._exactly(2))
        mask = self._exactly(4)
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self._exactly(length)))
        if opcode & 0xF == CLOSE:
            return False
        if opcode & 0xF == PING and self.server.answers_pings:
            self.raw(frame(data, PONG))
        if opcode & 0xF == TEXT:
            self.said.append(json.loads(data))
            self.server.hear(self, self.said[-1])
        return True

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.connection.recv(size - len(data))
            if not piece:
                raise OSError("gone")
            data += piece
        return data


class SocketServer:
    """Takes connections; a vendor's subclass greets and answers. `peers` are all that came, the newest last."""

    def __init__(self) -> None:
        self.status, self.location = 101, "/"
        self.answers_pings = True
        self.peers: list[Peer] = []
        self.times: list[float] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _address = self._socket.accept()
                peer = Peer(connection, self)
                self.peers.append(peer)
                self.times.append(time.monotonic())
                threading.Thread(target=peer.serve, daemon=True).start()

    def greet(self, peer: Peer) -> None:
        """Speak first."""

    def hear(self, peer: Peer, message: dict[str, Any]) -> None:
        """Answer a message."""

    @property
    def peer(self) -> Peer:
        """Return the newest client."""
        return self.peers[-1]

    def drop_all(self) -> None:
        """Reset every connection."""
        for peer in list(self.peers):
            peer.reset()

    def stop(self) -> None:
        """Close everything."""
        self._socket.close()
        self.drop_all()


class FinnhubServer(SocketServer):
    """Finnhub: the key is in the address; it answers no subscription."""

    title = "Finnhub"

    def greet(self, peer: Peer) -> None:
        """Be ready at once."""
        peer.ready = True

    def hear(self, peer: Peer, message: dict[str, Any]) -> None:
        """Take a subscription."""
        act = peer.symbols.add if message["type"] == "subscribe" else peer.symbols.discard
        act(message["symbol"])

    def trades(self, *trades: dict[str, Any]) -> str:
        """Return the message with these trades."""
        return json.dumps({"type": "trade", "data": list(trades)})

    def trade(self, symbol: str, price: object, at: float, conditions: list[str] | None = None,
              size: int = 100) -> dict[str, Any]:
        """Return a trade at this moment, in Unix seconds."""
        return {"s": symbol, "p": price, "t": round(at * 1000), "v": size, "c": conditions}


class AlpacaServer(SocketServer):
    """Alpaca: it says hello, wants a log-in, and answers every subscription with all that is subscribed."""

    title = "Alpaca"

    def __init__(self) -> None:
        super().__init__()
        self.error = ""
        self.confirms = True
        self.number = 0

    def greet(self, peer: Peer) -> None:
        """Say hello."""
        peer.tell([{"T": "success", "msg": "connected"}])

    def hear(self, peer: Peer, message: dict[str, Any]) -> None:
        """Take a log-in or a subscription; `error` is what it answers instead."""
        if self.error:
            peer.tell([{"T": "error", "code": int(self.error), "msg": "no"}])
            return
        if message["action"] == "auth":
            peer.ready = True
            peer.tell([{"T": "success", "msg": "authenticated"}])
            return
        if message["action"] == "subscribe":
            peer.symbols |= set(message["trades"])
        else:
            peer.symbols -= set(message["trades"])
        if self.confirms:
            peer.tell([{"T": "subscription", "trades": sorted(peer.symbols), "quotes": [], "bars": []}])

    def trades(self, *trades: dict[str, Any]) -> str:
        """Return the message with these trades."""
        return json.dumps(list(trades))

    def trade(self, symbol: str, price: object, at: float, conditions: list[str] | None = None,
              size: int = 100) -> dict[str, Any]:
        """Return a trade at this moment, in Unix seconds."""
        self.number += 1
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(at)))
        return {"T": "t", "S": symbol, "i": self.number, "x": "V", "p": price, "s": size, "z": "C",
                "t": f"{whole}.{round(at % 1 * 1e6) * 1000:09d}Z", "c": conditions or ["@"]}


Vendor = FinnhubServer | AlpacaServer


def wait_until(ready: Callable[[], object], seconds: float = 10, say: Callable[[], object] = lambda: "") -> None:
    """Wait for `ready()` to be true; fail after `seconds` with what `say()` returns."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, say()
        time.sleep(0.01)
