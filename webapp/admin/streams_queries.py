"""Who is here now: log-ins, open streams, tokens in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from redis import Redis
from sqlalchemy import select

from webapp import clock
from webapp.extensions import db
from webapp.instruments import load_instruments
from webapp.live import bus
from webapp.live.hub import Hub
from webapp.models import ApiToken, User, UserSession
from webapp.paging import cut
from webapp.records import Instrument

PER_PAGE = 50
MOST_STOCKS, MOST_TOKENS = 20, 20
MOST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SessionPage:
    """A page of log-ins, the newest first; `before` is the place of the next one, None where no older ones follow."""

    rows: Sequence[UserSession]
    before: str | None


@dataclass(frozen=True, slots=True)
class Here:
    """The open streams of this web process: how many, of how many people and visitors, by what they show."""

    viewers: int
    people: int
    visitors: int
    kinds: dict[str, int]


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What all web processes say of their streams: the stocks that each shows, and the most watched of all."""

    processes: list[tuple[str, int]]
    stocks: list[tuple[Instrument, int]]
    total: int


def sessions_page(text: str, before: str) -> SessionPage:
    """Return the log-ins that hold now, of people whose address holds the text."""
    row = UserSession
    query = select(row).join(User, User.id == row.user_id).where(row.expires_at > clock.now(), ~User.locked)
    if text:
        query = query.where(User.email.contains(text.lower(), autoescape=True))
    if (number := _number(before)) is not None:
        query = query.where(row.id < number)
    rows, last = cut(db.session.scalars(query.order_by(row.id.desc()).limit(PER_PAGE + 1)).all(), PER_PAGE)
    return SessionPage(rows, str(last.id) if last else None)


def find_session(session_id: int) -> UserSession | None:
    """Return a log-in that holds now."""
    return db.session.scalar(select(UserSession).where(UserSession.id == session_id,
                                                       UserSession.expires_at > clock.now()))


def tokens_in_use() -> Sequence[ApiToken]:
    """Return the tokens that were used, the one used last first."""
    return db.session.scalars(select(ApiToken).where(ApiToken.last_used_at.is_not(None))
                              .order_by(ApiToken.last_used_at.desc(), ApiToken.id).limit(MOST_TOKENS)).all()


def streams_here() -> Here | None:
    """Return the streams of this process; None where it has none to give, as in a shell."""
    hub: Hub | None = current_app.extensions.get("hub")
    if hub is None:
        return None
    viewers = list(hub.viewers.values())
    return Here(len(viewers), len({one.user_id for one in viewers if one.user_id}),
                sum(not one.user_id for one in viewers), dict(Counter(one.audience.kind for one in viewers)))


def streams_everywhere(redis: Redis) -> Everywhere:
    """Return what all processes say; raise RedisAway."""
    processes = bus.viewers_by_process(redis)
    counts: Counter[int] = Counter()
    for stocks in processes.values():
        counts.update(stocks)
    most = counts.most_common(MOST_STOCKS)
    known = {stock.id: stock for stock in load_instruments([number for number, _count in most])}
    return Everywhere(sorted((name, len(stocks)) for name, stocks in processes.items()),
                      [(known[number], count) for number, count in most if number in known], len(counts))


def _number(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None
    return number if number is not None and number <= MOST_ID else None
