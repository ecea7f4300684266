"""Answers byte by byte, as no well-behaved server gives them."""

from __future__ import annotations

import gzip
import os
import socket
import struct
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

Act = Callable[[BaseHTTPRequestHandler], object]


def head(*lines: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    """Return an answer's head."""
    return "\r\n".join((f"HTTP/{version} {status}", *lines, "", "")).encode()


def chunk(data: bytes) -> bytes:
    """Return one chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def sends(raw: bytes) -> Act:
    """Send these bytes as they are, and hang up."""
    return lambda handler: handler.wfile.write(raw)


def resets(raw: bytes) -> Act:
    """Send these bytes and break the connection off, as a crashed server's machine does."""
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(raw)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(handler.connection.detach())

    return act


def packed(body: bytes) -> bytes:
    """Return the body as gzip, as it is: what comes before its end can be read without that."""
    return gzip.compress(body, compresslevel=0)
