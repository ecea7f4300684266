"""Events as bytes: what is drawn of each row, and how rows are joined, for each kind of viewer."""

from __future__ import annotations

from collections.abc import Iterable

PAGES = ("table", "stock", "screen")
JSON = "json"  # programs: one array of rows an event
KINDS = (*PAGES, JSON)


def frame(kind: str, version: int, fragments: Iterable[bytes | None], before: bytes = b"") -> bytes:
    """Join fragments to one event behind `before`; none make nothing."""
    if kind == JSON:
        rows = b",".join(filter(None, fragments))
        return b"%bid: %d\nevent: quotes\ndata: [%b]\n\n" % (before, version, rows) if rows else before
    parts = [b"%bid: %d\nevent: quotes\ndata: " % (before, version), *filter(None, fragments), b"\n\n"]
    return b"".join(parts) if len(parts) > 2 else before


def first_rows(fragments: Iterable[bytes]) -> bytes:
    """Return an event for programs without an id: whoever comes back gets these rows again."""
    rows = b",".join(filter(None, fragments))
    return b"event: quotes\ndata: [%b]\n\n" % rows if rows else b""


def status_event(kind: str, status: bytes) -> bytes:
    """Say how the stream is, Live or Reconnecting; nothing before that is known."""
    if not status:
        return b""
    return b"event: status\ndata: " + (b'{"stream":"%b"}' % status.lower() if kind == JSON else status) + b"\n\n"
