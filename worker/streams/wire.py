"""The web socket itself: websocket-client with bounds on size and time, and errors in our own words."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time

from requests.certs import where  # type: ignore[attr-defined]
from websocket import (
    ABNF,
    WebSocket,
    WebSocketAddressException,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketProxyException,
    WebSocketTimeoutException,
)
from websocket._abnf import frame_buffer

from worker.streams.errors import Lost
from worker.streams.protocol import Protocol

# A larger message is read, passed over and counted; a frame that says it is larger than that ends the connection.
MOST_BYTES = 4 * 1024 * 1024
ABSURD_BYTES = 64 * 1024 * 1024
# What is read from the socket at once, so that a frame need not cost several system calls.
CHUNK = 65_536
SEND_SECONDS = 5.0
FAULTS = (WebSocketException, OSError, ValueError, struct.error)
# What a fault means, the first that fits; messages of faults are not told, because they may hold the key.
MEANINGS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((WebSocketAddressException, socket.gaierror), "its address was not found"),
    ((WebSocketTimeoutException, TimeoutError), "there was no answer in time"),
    ((WebSocketProxyException,), "the proxy did not let it through"),
    ((ssl.SSLCertVerificationError,), "its certificate is not valid here"),
    ((ssl.SSLError,), "no secure connection came about"),
    ((ConnectionRefusedError,), "it took no connection"),
    ((WebSocketConnectionClosedException, ConnectionError), "the connection was cut"),
    ((OSError,), "the network failed"),
)


def in_words(fault: Exception) -> str:
    """Return what a fault of a connection means, in words for a page."""
    found = (words for kinds, words in MEANINGS if isinstance(fault, kinds))
    return next(found, "it does not answer as a web socket does")


class Frames(frame_buffer):
    """The library's reader of frames, which would take a frame of any size into memory."""

    def __init__(self, wire: WebSocket) -> None:
        super().__init__(self._ahead, True)
        self._wire = wire
        self._chunk, self._place = b"", 0
        self._left = 0
        self.passed_over = False

    def _ahead(self, size: int) -> bytes:
        """Return at most so many of the bytes that came."""
        if self._place >= len(self._chunk):
            self._chunk, self._place = self._wire._recv(CHUNK), 0  # type: ignore[no-untyped-call]
        piece = self._chunk[self._place:self._place + size]
        self._place += len(piece)
        return piece

    def recv_strict(self, bufsize: int) -> bytes:
        """Return so many bytes; of what is too large none, once all of it has gone by."""
        if bufsize <= MOST_BYTES:
            return super().recv_strict(bufsize)
        if bufsize > ABSURD_BYTES:
            raise Lost("A message was too large.")
        self._left = self._left or bufsize
        while self._left:  # a time-out in between comes back here
            self._left -= len(self._ahead(min(CHUNK, self._left)))
        self.passed_over = True
        return b""


class Wire:
    """One connection. `heard` and `pinged` are on the clock that counts since the machine's start."""

    def __init__(self, protocol: Protocol, patience: float, poll: float) -> None:
        """Connect within `patience` seconds; raise Lost or Refused."""
        self._title = protocol.title
        self._poll = poll
        self._socket = WebSocket(sslopt={"ca_certs": where()}, enable_multithread=False, skip_utf8_validation=True)
        self._frames = self._socket.frame_buffer = Frames(self._socket)
        self._parts: list[bytes] = []
        self._size = 0
        self.ignored = 0
        self._open(protocol, patience)
        self.heard = self.pinged = time.monotonic()

    def _open(self, protocol: Protocol, patience: float) -> None:
        """Connect; what drips in slower than the time-outs of single bytes notice is cut off."""
        alarm = threading.Timer(patience, self._cut)
        alarm.daemon = True
        alarm.start()
        error: Exception
        try:
            # Without redirects: they would carry the key to wherever they lead.
            self._socket.connect(protocol.address(), timeout=patience, redirect_limit=0)  # type: ignore[no-untyped-call]
            self._socket.settimeout(self._poll)
        except WebSocketBadStatusException as caught:
            error = protocol.status_error(caught.status_code or 0)
        except FAULTS as caught:
            error = Lost(f"{self._title} cannot be reached: {in_words(caught)}.")
        else:
            return
        finally:
            alarm.cancel()
        raise error  # out here it carries no other error, whose frames hold the key

    def _cut(self) -> None:
        """Shut the socket down under whoever reads from it."""
        if self._socket.sock is not None:
            with contextlib.suppress(OSError):
                self._socket.sock.shutdown(socket.SHUT_RDWR)

    def receive(self) -> bytes | None:
        """Return the next whole message; None after a pause, a sign of life, or what is too large."""
        try:
            frame = self._socket.recv_frame()  # type: ignore[no-untyped-call]
            self.heard = time.monotonic()
            if frame.opcode == ABNF.OPCODE_PING:
                self._socket.pong(frame.data[:125])
            if frame.opcode != ABNF.OPCODE_CLOSE:
                return self._assembled(frame)
        except WebSocketTimeoutException:
            return None
        except FAULTS as caught:
            words = f"The connection to {self._title} broke: {in_words(caught)}."
        else:
            words = f"{self._title} closed the connection."
        raise Lost(words)

    def _assembled(self, frame: ABNF) -> bytes | None:
        """Return the message that ends with this frame, if one does and it is not too large."""
        if frame.opcode not in {ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY, ABNF.OPCODE_CONT}:
            return None
        data = bytes(frame.data) if not isinstance(frame.data, str) else frame.data.encode()
        self._size += MOST_BYTES + 1 if self._frames.passed_over else len(data)
        self._frames.passed_over = False
        if self._size <= MOST_BYTES:
            self._parts.append(data)
        else:
            self._parts.clear()
        if not frame.fin:
            return None
        message, whole = b"".join(self._parts), self._size <= MOST_BYTES
        self._parts.clear()
        self._size = 0
        self.ignored += not whole
        return message if whole else None

    def send(self, text: str) -> None:
        """Send a message."""
        self._send(lambda: self._socket.send(text))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self.pinged = time.monotonic()
        self._send(self._socket.ping)

    def _send(self, act: object) -> None:
        assert callable(act)  # noqa: S101 - one of the two above
        try:
            self._socket.settimeout(SEND_SECONDS)
            act()
            self._socket.settimeout(self._poll)
        except FAULTS as caught:
            words = f"The connection to {self._title} broke: {in_words(caught)}."
        else:
            return
        raise Lost(words)

    def close(self) -> None:
        """Say good-bye, without waiting for an answer."""
        with contextlib.suppress(*FAULTS):
            self._socket.settimeout(self._poll)
            self._socket.send_close()
        self._socket.shutdown()  # type: ignore[no-untyped-call]
