"""What is kept in the database of each socket, for people to see."""

from __future__ import annotations

from webapp.extensions import db
from webapp.models import StreamState
from webapp.upserts import insert
from worker.streams.link import Link

ERROR_LENGTH = 300


def write_states(links: list[Link]) -> None:
    """Write one row a socket and commit."""
    if not links:
        return
    statement = insert(StreamState)
    columns = {name: statement.excluded[name] for name in StreamState.__table__.columns.keys()  # noqa: SIM118
               if name != "provider"}
    db.session.execute(statement.on_conflict_do_update(index_elements=["provider"], set_=columns),
                       [_values(link) for link in links])
    db.session.commit()


def _values(link: Link) -> dict[str, object]:
    return {"provider": link.protocol.name, "status": link.status, "since": link.since, "heard_at": link.heard_at,
            "symbols": link.symbols, "trades": link.trades, "last_error": link.error[:ERROR_LENGTH],
            "last_error_at": link.error_at if link.error else None}
