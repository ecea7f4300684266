"""How the place is, line by line: what the database tells, and the machine. health_redis.py has what Redis tells."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import case, func, or_, select, text

from config import ROOT, Config
from webapp.extensions import db
from webapp.filters import ago
from webapp.instruments import LISTED
from webapp.models import (
    ApiToken,
    InstrumentRow,
    JobRun,
    ProviderState,
    QuoteRow,
    User,
    Watchlist,
    WatchlistItem,
)
from webapp.vendors import SIMULATOR, title_of

MIGRATIONS = ROOT / "migrations"
# What fails so often in a row is no hiccup.
BAD_FAILURES = 3
# A job that is in the schedule no more keeps its last run; it is no news after this time.
RECENT = dt.timedelta(days=2)
LEAST_FREE, TIGHT_FREE = 500 * 1024**2, 2 * 1024**3
MOST_NAMES = 5
UNITS = ("bytes", "KB", "MB", "GB", "TB")


class Health(StrEnum):
    """How one thing is; the value is the word that the page has for it."""

    GOOD = "Good"
    WARN = "Look"
    BAD = "Bad"
    UNKNOWN = "Unknown"


SIGNS = {Health.GOOD: "✓", Health.WARN: "!", Health.BAD: "✗", Health.UNKNOWN: "?"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing: how it is, in words, and the page (`path`, `link`) where it can be seen to or mended."""

    name: str
    health: Health
    words: str
    path: str = ""
    link: str = ""

    @property
    def sign(self) -> str:
        """Return the sign that stands beside the word."""
        return SIGNS[self.health]


def worst_of(lines: Iterable[Line]) -> Health:
    """Return how the place is as a whole."""
    order = [Health.BAD, Health.WARN, Health.UNKNOWN]
    found = {line.health for line in lines}
    return next((health for health in order if health in found), Health.GOOD)


def database_lines(now: dt.datetime) -> list[Line]:
    """Return what the database tells of itself and of the place."""
    settings: Config = current_app.config["SETTINGS"]
    return [_database(settings), _migrations(), _disk(settings.INSTANCE_DIR), _quotes(now), _providers(settings, now),
            _jobs(now), _people(now)]


def size_words(size: int) -> str:
    """Say a size: 812 KB, 3.4 GB."""
    step = 0
    number = float(size)
    while number >= 1000 and step < len(UNITS) - 1:
        number, step = number / 1024, step + 1
    return f"{number:.1f} {UNITS[step]}" if 0 < number < 10 and step else f"{number:,.0f} {UNITS[step]}"


def some_of(names: Iterable[str]) -> str:
    """Join names, the first few of them."""
    listed = list(names)
    more = f" and {len(listed) - MOST_NAMES} more" if len(listed) > MOST_NAMES else ""
    return ", ".join(listed[:MOST_NAMES]) + more


def plural(count: int, word: str, words: str = "") -> str:
    """Say a number with its word."""
    return f"{count:,} {word if count == 1 else words or f'{word}s'}"


def _database(settings: Config) -> Line:
    if db.engine.dialect.name == "postgresql":
        kind, size = "PostgreSQL", db.session.scalar(text("SELECT pg_database_size(current_database())")) or 0
    else:
        path = settings.SQLALCHEMY_DATABASE_URI.removeprefix("sqlite:///")
        files = [Path(f"{path}{end}") for end in ("", "-wal")]
        kind, size = "SQLite", sum(file.stat().st_size for file in files if file.exists())
    return Line("Database", Health.GOOD, f"{kind} answers; {size_words(size)}.")


def _migrations() -> Line:
    has, newest = db.session.scalar(text("SELECT version_num FROM alembic_version")), _newest_migration()
    if has == newest:
        return Line("Tables", Health.GOOD, f"Those of this version ({has}).")
    return Line("Tables", Health.BAD, f"At {has or 'none'}, and this version knows {newest}. A restart brings them up "
                                      "to date, or flask db upgrade.")


@cache
def _newest_migration() -> str:
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def _disk(folder: Path) -> Line:
    usage = shutil.disk_usage(folder if folder.exists() else folder.parent)
    words = f"{size_words(usage.free)} free of {size_words(usage.total)} where the instance folder is."
    if usage.free < LEAST_FREE:
        return Line("Disk", Health.BAD, f"{words} Make room: soon nothing can be written.")
    return Line("Disk", Health.WARN if usage.free < TIGHT_FREE else Health.GOOD, words)


def _quotes(now: dt.datetime) -> Line:
    listed = (select(WatchlistItem.instrument_id).join(InstrumentRow, InstrumentRow.id == WatchlistItem.instrument_id)
              .where(InstrumentRow.status == LISTED).distinct().subquery())
    stale = case((QuoteRow.stale_at <= now, 1), else_=0)
    stocks, unpriced, old = db.session.execute(
        select(func.count(), func.coalesce(func.sum(case((QuoteRow.price.is_(None), 1), else_=0)), 0),
               func.coalesce(func.sum(stale), 0))
        .select_from(listed).outerjoin(QuoteRow, QuoteRow.instrument_id == listed.c.instrument_id)).one()
    newest = db.session.scalar(select(func.max(QuoteRow.fetched_at)))
    words = f"The newest came {ago(newest, now)}." if newest else "None has come yet."
    if not stocks:
        return Line("Prices", Health.GOOD, f"{words} No stock is on a list.", "/sources", "Where prices come from")
    told = [plural(count, *word) for count, word in ((unpriced, ("has no price", "have no price")),
                                                     (old, ("is stale", "are stale"))) if count]
    health = Health.BAD if unpriced + old >= stocks else Health.WARN if told else Health.GOOD
    of_all = f"Of {plural(stocks, 'stock')} on lists {' and '.join(told) or 'each has a fresh one'}."
    return Line("Prices", health, f"{words} {of_all}", "/sources", "Where prices come from")


def _providers(settings: Config, now: dt.datetime) -> Line:
    names = settings.vendors or (SIMULATOR,)
    states = {row.provider: row for row in
              db.session.scalars(select(ProviderState).where(ProviderState.provider.in_(names)))}
    said = [(name, _trouble(states.get(name), now)) for name in names]
    troubles = [f"{title_of(name)} {words}" for name, words in said if words]
    fine = [title_of(name) for name, words in said if not words]
    health = Health.GOOD if not troubles else Health.WARN if fine else Health.BAD
    words = "; ".join([*troubles, *([f"{some_of(fine)}: no trouble"] if fine else [])])
    return Line("Providers", health, f"{words}.", "/admin/providers", "Providers")


def _trouble(state: ProviderState | None, now: dt.datetime) -> str:
    """Say what keeps a provider from answering, "" where nothing does."""
    if state is None:
        return ""
    if state.stopped_at is not None:
        return f"was paused by an admin {ago(state.stopped_at, now)}"
    if state.paused_until is not None and state.paused_until > now:
        return f"rests until {state.paused_until:%H:%M} UTC"
    failed, well = state.last_error_at, state.last_success_at
    return f"failed {ago(failed, now)}" if failed is not None and (well is None or failed > well) else ""


def _jobs(now: dt.datetime) -> Line:
    rows = db.session.execute(select(JobRun.name, JobRun.failures).where(
        JobRun.failures > 0, JobRun.started_at > now - RECENT).order_by(JobRun.failures.desc(), JobRun.name)).all()
    if not rows:
        return Line("Jobs", Health.GOOD, "The last run of each periodic job succeeded.", "/admin/jobs", "Jobs")
    words = some_of(f"{name} ({plural(count, 'time')})" for name, count in rows)
    return Line("Jobs", Health.BAD if rows[0].failures >= BAD_FAILURES else Health.WARN,
                f"Failing since their last success: {words}.", "/admin/jobs", "Jobs")


def _people(now: dt.datetime) -> Line:
    live = or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now)
    counts = [select(func.count()).select_from(User), select(func.count()).select_from(User).where(User.admin),
              select(func.count()).select_from(User).where(User.locked),
              select(func.count()).select_from(Watchlist), select(func.count()).select_from(ApiToken).where(live)]
    people, admins, locked, lists, tokens = db.session.execute(
        select(*(count.scalar_subquery() for count in counts))).one()
    kinds = plural(admins, "admin") + (f", {locked:,} locked" if locked else "")
    return Line("People", Health.GOOD, f"{plural(people, 'person', 'people')} ({kinds}), {plural(lists, 'list')}, "
                                       f"{plural(tokens, 'token')}.", "/admin/people", "People")
