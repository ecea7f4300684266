"""What the hub keeps of each viewer: as little as it can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

Ids = tuple[int, ...]
BEAT = b"event: beat\ndata: 1\n\n"
SIGNED_OUT = b"event: signed-out\ndata: 1\n\n"


class Full(Exception):
    """No more streams for this process, account or address."""


class Audience:
    """The viewers of one set of stocks, drawn in one way. `ready` have everything up to the last flush."""

    __slots__ = ("ids", "kind", "ready", "size", "written_at")

    def __init__(self, kind: str, ids: Ids) -> None:
        self.kind = kind
        self.ids = ids
        self.ready: dict[Viewer, None] = {}
        self.size = 0
        self.written_at = 0.0


class Viewer:
    """One open stream.

    `seen` is the flush in which it came; later, when it stalled, the last one that it has whole. It is stalled while
    `rest` (bytes of a frame that did not fit) is there: `since` is when that began, `bells` what rang meanwhile.
    """

    __slots__ = ("address", "audience", "bells", "fd", "rest", "seen", "session_id", "since", "user_id")

    def __init__(self, fd: int, audience: Audience, user_id: int, session_id: int, address: str) -> None:
        self.fd = fd
        self.audience = audience
        self.user_id = user_id
        self.session_id = session_id
        self.address = address
        self.rest: memoryview | None = None
        self.seen = 0
        self.since = 0.0
        self.bells: tuple[bytes, ...] = ()


def viewer_counts(watchers: Mapping[tuple[str, int], Iterable[Audience]]) -> dict[int, int]:
    """Return how many viewers look at each instrument; `watchers` has the audiences by what is drawn and of which."""
    counts: Counter[int] = Counter()
    for (_kind, number), audiences in watchers.items():
        counts[number] += sum(audience.size for audience in audiences)
    return dict(counts)
