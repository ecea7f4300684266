"""The calls a provider allows, counted in the database: across processes, restarts and crashes."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, literal, or_, select, update

from webapp import clock
from webapp.extensions import db
from webapp.models import ProviderCall, ProviderState
from webapp.upserts import insert
from worker.providers.base import ErrorKind, Provider, ProviderError

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)
# So long after it was claimed a call has reached the vendor, or never will.
ARRIVES = dt.timedelta(seconds=2)
# What a call's row says of a call that brought a price, and of one whose end nobody saw.
OK = "ok"
STARTED = "started"
# These are answers, too: the vendor is there.
ANSWERS = (ErrorKind.UNKNOWN_SYMBOL, ErrorKind.NOT_ENTITLED)
# These are said of the key, whatever was asked for.
OF_THE_PLAN = (ErrorKind.THROTTLED_SECOND, ErrorKind.THROTTLED_MINUTE, ErrorKind.THROTTLED_HOUR,
               ErrorKind.THROTTLED_DAY, ErrorKind.BAD_KEY)
# What stands behind a provider's name in the rows that are not of a call, but of a stock that a call did not bring.
STOCKS = "/stock"
# How long a provider rests after an error that names no time.
REST = {
    ErrorKind.THROTTLED_SECOND: dt.timedelta(seconds=2),
    ErrorKind.THROTTLED_MINUTE: MINUTE,
    ErrorKind.THROTTLED_HOUR: dt.timedelta(minutes=15),
    ErrorKind.THROTTLED_DAY: dt.timedelta(hours=1),
    ErrorKind.BAD_KEY: dt.timedelta(hours=1),
    ErrorKind.NOT_ENTITLED: dt.timedelta(hours=1),
}
# So many calls in a row without a price mean that the provider is down, not one of its symbols: it rests longer
# after each further one.
DOWN_AFTER = 5
FIRST_REST = dt.timedelta(seconds=15)
LONGEST_REST = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no call may be made now, in words fit for a page, and from when on one may.

    `fault` says that the provider rests after an error, and not only because a limit is reached. `stopped` says that an
    admin lets it make no call until further notice; `until` is then no more than a time to look again.
    """

    reason: str
    until: dt.datetime
    fault: bool = False
    stopped: bool = False


def is_counted(provider: Provider) -> bool:
    """Tell whether the provider limits its calls at all; one that does not leaves no trace here."""
    limits = provider.limits
    return bool(limits.per_second or limits.per_minute or limits.per_hour or limits.per_day)


def claim(provider: Provider, subject: str) -> int | Refusal:
    """Count a call before it is made, and commit; return its id, or why it may not be made.

    The first statement locks the provider's row (SQLite: the database), so that of many processes that claim at
    once each sees the calls of those before it.
    """
    now = clock.now()
    _ensure_state(provider.name)
    pause = provider.limits.pause
    state = ProviderState
    taken = db.session.scalar(
        update(state)
        .where(state.provider == provider.name, state.stopped_at.is_(None),
               or_(state.paused_until.is_(None), state.paused_until <= now),
               # A clock that was set back must not stop the calls until it has caught up.
               or_(state.last_call_at.is_(None), state.last_call_at <= now - pause, state.last_call_at > now + MINUTE))
        .values(last_call_at=now).returning(state.provider))
    if taken:
        now = clock.now()  # the lock may have been waited for
    refusal = (_under_way(provider, now) or _over_limit(provider, now)) if taken else _resting(provider, now, pause)
    if refusal:
        db.session.rollback()
        return refusal
    call = ProviderCall(provider=provider.name, started_at=now, subject=subject, outcome=STARTED)
    db.session.add(call)
    db.session.flush()
    call_id = call.id  # asked after the commit, it would open a transaction that lasts as long as the call
    db.session.commit()
    return call_id


def permit(provider: Provider, subject: str) -> int | Refusal | None:
    """Count a call as claim() does, None where the provider counts none; return why it may not be made."""
    if is_counted(provider):
        return claim(provider, subject)
    refusal = refusal_now(provider)
    db.session.rollback()  # none may be open while the network is slow
    return refusal


def refusal_now(provider: Provider) -> Refusal | None:
    """Return why no call may be made now, without claiming one; the pause between two calls is no reason."""
    now = clock.now()
    state = db.session.get(ProviderState, provider.name, populate_existing=True)
    if state is not None and state.stopped_at is not None:
        return _stopped(provider, now)
    if not is_counted(provider):
        return None
    if state is not None and state.paused_until is not None and state.paused_until > now:
        return _resting(provider, now, dt.timedelta(0))
    return _over_limit(provider, now)


def settle(provider: Provider, call_id: int, error: ProviderError | None = None, *, of_quotes: bool = True) -> None:
    """Write what came of a claimed call, and how long the provider is to rest; the caller commits.

    What was not quotes (`of_quotes`) makes the provider rest only where quotes would be refused, too: for a limit or a
    key.

    The pause until the next call, and the windows that it counts in, begin here: nobody knows when it arrived, but it
    was not later. One that was slow may not be followed at its heels.
    """
    now = clock.now()
    outcome = f"{error.kind}: {error.message}" if error else OK
    said: dict[str, object] = {"outcome": outcome[:300], "started_at": now}
    said |= {"subject": error.blames.key} if of_quotes and error and error.blames else {}
    db.session.execute(update(ProviderCall).where(ProviderCall.id == call_id).values(said))
    values: dict[str, object] = {"last_call_at": now}
    if error is None:
        values["last_success_at"] = now
    else:
        rest = _rest_after(provider, error) if of_quotes or error.kind in OF_THE_PLAN else dt.timedelta(0)
        if of_quotes or rest:
            values |= {"last_error": error.message[:300], "last_error_at": now}
        if rest:
            values["paused_until"] = _later_of(now + rest)
    db.session.execute(update(ProviderState).where(ProviderState.provider == provider.name).values(values))


def calls_since(provider: Provider, moment: dt.datetime) -> list[tuple[str, dt.datetime, str]]:
    """Return subject, time and outcome of the calls after `moment`, oldest first."""
    return _calls(ProviderCall.provider == provider.name, ProviderCall.started_at > moment)


def note_failures(provider: Provider, subjects: Iterable[str], kind: ErrorKind) -> None:
    """Write that a call for several stocks brought none for these; it costs no call, and the caller commits."""
    now = clock.now()
    db.session.add_all(ProviderCall(provider=provider.name + STOCKS, started_at=now, subject=subject, outcome=str(kind))
                       for subject in subjects)


def failures_since(provider: Provider, moment: dt.datetime, *,
                   calls: bool = True) -> list[tuple[str, dt.datetime, str]]:
    """Return subject, time and outcome of what brought no price after `moment`, oldest first.

    They are of calls and of stocks that a call did not bring; of the latter only where `calls` is false.
    """
    names = (provider.name, provider.name + STOCKS) if calls else (provider.name + STOCKS,)
    return _calls(ProviderCall.provider.in_(names),
                  ProviderCall.started_at > moment, ProviderCall.outcome != OK)


def last_call_at(provider: Provider) -> dt.datetime | None:
    """Return when the newest call was made."""
    return db.session.scalar(select(ProviderState.last_call_at).where(ProviderState.provider == provider.name))


def used_since(provider: Provider, moment: dt.datetime) -> int:
    """Return how many calls were made after `moment`."""
    return db.session.scalar(select(func.count()).where(
        ProviderCall.provider == provider.name, ProviderCall.started_at > moment)) or 0


def _calls(*conditions: ColumnElement[bool]) -> list[tuple[str, dt.datetime, str]]:
    rows = db.session.execute(
        select(ProviderCall.subject, ProviderCall.started_at, ProviderCall.outcome).where(*conditions)
        .order_by(ProviderCall.started_at))
    return [(subject, started_at, outcome) for subject, started_at, outcome in rows]


def _ensure_state(name: str) -> None:
    if db.session.get(ProviderState, name) is None:
        db.session.execute(insert(ProviderState).values(provider=name, last_error="").on_conflict_do_nothing())


def _later_of(moment: dt.datetime) -> ColumnElement[dt.datetime | None]:
    """Return this moment, or the end of a longer rest that another call has brought about meanwhile."""
    until = ProviderState.paused_until
    return case((until > moment, until), else_=literal(moment, until.type))


def _under_way(provider: Provider, now: dt.datetime) -> Refusal | None:
    """Return the refusal while another call may not have arrived: no pause can be kept from a moment nobody knows."""
    pause = provider.limits.pause
    if not pause:
        return None
    newest = db.session.scalar(select(func.max(ProviderCall.started_at)).where(
        ProviderCall.provider == provider.name, ProviderCall.outcome == STARTED,
        ProviderCall.started_at > now - ARRIVES, ProviderCall.started_at <= now + MINUTE))
    if newest is None:
        return None
    return Refusal(f"{provider.title}: one request at a time.", min(newest + ARRIVES, now + pause))


def _over_limit(provider: Provider, now: dt.datetime) -> Refusal | None:
    """Return the refusal of the first limit that the calls made so far have reached."""
    limits = provider.limits
    for limit, window, words in ((limits.per_day, DAY, "today's {} requests are used"),
                                 (limits.per_hour, HOUR, "this hour's {} requests are used"),
                                 (limits.per_minute, MINUTE, "this minute's {} requests are used")):
        if limit is None:
            continue
        free_at = _free_at(provider.name, limit, window, now)
        if free_at is not None and free_at > now:
            return Refusal(f"{provider.title}: {words.format(limit)}; the next is free at {_clock_time(free_at, now)}.",
                           free_at)
    return None


def _free_at(name: str, limit: int, window: dt.timedelta, now: dt.datetime) -> dt.datetime | None:
    """Return when a call fits into the window again; None if one does now."""
    within = (ProviderCall.provider == name, ProviderCall.started_at > now - window - ARRIVES,
              or_(ProviderCall.started_at > now - window, ProviderCall.outcome == STARTED))
    used = db.session.scalar(select(func.count()).where(*within)) or 0
    if used < limit:
        return None
    if limit == 0:
        return now + window
    counted_from, outcome = db.session.execute(
        select(ProviderCall.started_at, ProviderCall.outcome).where(*within).order_by(ProviderCall.started_at)
        .offset(used - limit).limit(1)).one()
    return counted_from + window + (ARRIVES if outcome == STARTED else dt.timedelta(0))


def _resting(provider: Provider, now: dt.datetime, pause: dt.timedelta) -> Refusal:
    """Return the refusal of a provider that is paused, or was called a moment ago."""
    state = db.session.get_one(ProviderState, provider.name, populate_existing=True)
    if state.stopped_at is not None:
        return _stopped(provider, now)
    if state.paused_until is not None and state.paused_until > now:
        reason = state.last_error or f"{provider.title} is paused."
        return Refusal(f"{reason} The next try is at {_clock_time(state.paused_until, now)}.", state.paused_until,
                       fault=True)
    return Refusal(f"{provider.title}: one request at a time.", (state.last_call_at or now) + pause)


def _stopped(provider: Provider, now: dt.datetime) -> Refusal:
    """Return the refusal of a provider that an admin has paused; no end of it is known."""
    return Refusal(f"{provider.title} is paused by an admin.", now + DAY, stopped=True)


def _rest_after(provider: Provider, error: ProviderError) -> dt.timedelta:
    """Return how long to leave the provider alone: not at all, where only one symbol is at fault."""
    rest = error.retry_after or REST.get(error.kind, dt.timedelta(0))
    down = _failures_in_a_row(provider) - DOWN_AFTER
    return max(rest, min(FIRST_REST * 2**down, LONGEST_REST)) if down >= 0 else rest


def _failures_in_a_row(provider: Provider) -> int:
    """Count the newest calls that brought no answer; one that was cut short says nothing."""
    outcomes = db.session.scalars(
        select(ProviderCall.outcome).where(ProviderCall.provider == provider.name, ProviderCall.outcome != STARTED)
        .order_by(ProviderCall.id.desc()).limit(DOWN_AFTER + 10)).all()
    answers = (number for number, outcome in enumerate(outcomes)
               if outcome == OK or outcome.startswith(ANSWERS))
    return next(answers, len(outcomes))


def _clock_time(moment: dt.datetime, now: dt.datetime) -> str:
    """Write a time as a page shows it, 14:35 UTC, with the day where it is not today's.

    It is rounded up: in the minute it names, it is true.
    """
    shape = "%H:%M UTC" if moment.date() == now.date() else "%H:%M UTC on %-d %B"
    return (moment + dt.timedelta(seconds=59, microseconds=999_999)).strftime(shape)
