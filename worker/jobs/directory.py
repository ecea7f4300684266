"""Keeps the directory of instruments: asks providers what people search for, and takes over what is listed."""

import datetime as dt
import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from webapp import clock, queue
from webapp.extensions import db
from webapp.models import ProviderCall
from webapp.records import Listing
from webapp.redis import RedisAway
from webapp.symbols import service
from worker import listings, locks, quota
from worker.providers.base import ErrorKind, GivesListing, GivesSearch, Provider, ProviderError
from worker.providers.registry import providers_with
from worker.shares import over_share

log = logging.getLogger(__name__)

Found = TypeVar("Found")

# What stands in the record of calls in place of a stock.
SEARCH = "search:"
LISTING = "listing"
# Searches may have this part of the calls of a minute, an hour and a day: prices need the others.
SEARCH_SHARE = 0.2
# One search at a time, however many workers there are: vendors that hang cannot hold all of them, and two searches do
# not take the last of their share at once.
ALONE = "search"
# A refusal that ends so soon is waited for.
SHORT_WAIT = dt.timedelta(seconds=5)
# A list that was fetched and not taken over is fetched again that day, so many times in all.
MOST_FETCHES = 3


def search_symbols(text: str) -> str:
    """Ask the providers in their order for the symbols that a text may mean, and keep the first answer that has any.

    Only a text that was asked for and has no answer yet is asked for: to run twice costs nothing. While another search
    is under way this one ends at once; that one queues it again.
    """
    if not service.is_open(text):
        return "answered already"
    db.session.rollback()
    free = False
    try:
        with locks.alone(current_app.extensions["redis"], ALONE) as free:
            return _search_all(text) if free else "another search is under way"
    finally:
        if free:  # and the lock is released: whoever found it taken has a question on record by now
            _queue_next(text)


def sync_listing() -> str:
    """Take over what is listed in the United States from the first provider that can say it, at most once a day.

    Return in words what changed, and what was wrong with the providers before. A plan without a directory is no
    failure. Raise ProviderError where providers failed and none stepped in, so that the run counts as failed.
    """
    settings: Config = current_app.config["SETTINGS"]
    now = clock.now()
    faults: list[ProviderError] = []
    lacking: list[str] = []
    for provider in providers_with(settings, GivesListing):
        try:
            said = _sync_from(provider, now.date())
        except ProviderError as error:
            if error.kind is ErrorKind.NOT_ENTITLED:
                lacking.append(error.message)
            else:
                faults.append(error)
        else:
            return ". ".join([said, *(fault.message for fault in faults)])
    if faults:
        raise faults[0]
    return " ".join(lacking) or "no provider here has a directory"


def _sync_from(provider: GivesListing, today: dt.date) -> str:
    """Take a provider's directory over, once a day; raise ProviderError with what is in the way, also the second time.

    Its call is settled when the list is taken over, not before: one that was cut short in between stays open in the
    record, and is made again.
    """
    outcomes = _outcomes_on(provider, LISTING, today)
    if quota.OK in outcomes:
        return f"{provider.title} was asked today already"
    for outcome in outcomes:
        if outcome != quota.STARTED:
            kind, _, message = outcome.partition(": ")
            raise ProviderError(ErrorKind(kind), message)
    if len(outcomes) >= MOST_FETCHES:
        raise ProviderError(ErrorKind.BROKEN_ANSWER, f"{provider.title} was asked {len(outcomes)} times today, and its "
                                                     "list never taken over.")
    said = _counted(provider, LISTING,
                    lambda: listings.take_over(provider.listing(clock.now()), provider, today))
    if isinstance(said, quota.Refusal):
        raise ProviderError(ErrorKind.THROTTLED_DAY, said.reason)
    return said


def _search_all(text: str) -> str:
    """Ask one provider after the other; keep what came of it."""
    settings: Config = current_app.config["SETTINGS"]
    if not service.is_open(text):
        return "answered already"
    empty_handed, reasons = "", []
    for provider in providers_with(settings, GivesSearch):
        found = _search(provider, text)
        if isinstance(found, str):
            reasons.append(found)
        elif found:
            service.keep_answer(text, provider.name, found, clock.now())
            db.session.commit()
            return f"{provider.title} found {len(found)}"
        else:
            empty_handed = provider.name
    if empty_handed:
        service.keep_answer(text, empty_handed, [], clock.now())
    else:
        service.keep_problem(text, " ".join(reasons) or "No provider that can be searched has a key here.", clock.now())
    db.session.commit()
    return "nothing found" if empty_handed else "not answered"


def _queue_next(text: str) -> None:
    """Queue the oldest other question that somebody still waits for: its own job may have found the lock taken."""
    try:
        db.session.rollback()
        if other := service.next_open(text, clock.now()):
            queue.search_symbols(other)
    except (SQLAlchemyError, *RedisAway):
        log.exception("no search was queued after that for another text")


def _search(provider: GivesSearch, text: str) -> list[Listing] | str:
    """Make one provider's call; return what it found, or in words why it could not be asked."""
    now = clock.now()
    if _refused_lately(provider, now):
        return f"{provider.title}: the plan of this key has no search."
    try:
        found = _counted(provider, SEARCH + text, lambda: provider.search(text, clock.now()), _claim_search)
    except ProviderError as error:
        return [] if error.kind is ErrorKind.UNKNOWN_SYMBOL else error.message
    return found.reason if isinstance(found, quota.Refusal) else found


def _counted(provider: Provider, subject: str, call: Callable[[], Found],
             claim_call: Callable[[Provider, str], int | quota.Refusal] = quota.claim) -> Found | quota.Refusal:
    """Claim a call, make it, settle it; return why it may not be made, raise what the provider raised."""
    claim = (_claim_soon(provider, subject, claim_call) if quota.is_counted(provider)
             else quota.permit(provider, subject))
    if isinstance(claim, quota.Refusal):
        return claim
    db.session.rollback()  # none may be open while the network is slow
    try:
        found = call()
    except ProviderError as error:
        log.warning("%s: %s: %s: %s", provider.name, subject.partition(":")[0], error.kind, error.message)
        _settle(provider, claim, error)
        raise
    _settle(provider, claim, None)
    return found


def _claim_soon(provider: Provider, subject: str,
                claim_call: Callable[[Provider, str], int | quota.Refusal]) -> int | quota.Refusal:
    """Claim a call; wait out a pause that ends soon."""
    until = clock.now() + SHORT_WAIT
    claim = claim_call(provider, subject[:120])
    while isinstance(claim, quota.Refusal) and claim.until < until and clock.now() < until:
        time.sleep(max((claim.until - clock.now()).total_seconds(), 0.05))
        claim = claim_call(provider, subject[:120])
    return claim


def _claim_search(provider: Provider, subject: str) -> int | quota.Refusal:
    """Claim a call for a search, if the searches have not used their share."""
    return (over_share(provider, SEARCH, SEARCH_SHARE, "searches", clock.now())
            or quota.claim(provider, subject))


def _settle(provider: Provider, claim: int | None, error: ProviderError | None) -> None:
    """Write what came of a call. A plan that lacks this ability still has its prices: the provider does not rest."""
    if claim is None:
        return
    quota.settle(provider, claim, error, of_quotes=False)
    db.session.commit()


def _refused_lately(provider: Provider, now: dt.datetime) -> bool:
    """Tell whether the plan refused a search within the last day: it need not be asked again so soon."""
    newest = db.session.scalar(
        select(ProviderCall.outcome)
        .where(ProviderCall.provider == provider.name, ProviderCall.started_at > now - quota.DAY,
               ProviderCall.subject.startswith(SEARCH, autoescape=True))
        .order_by(ProviderCall.id.desc()).limit(1))
    return bool(newest and newest.startswith(ErrorKind.NOT_ENTITLED))


def _outcomes_on(provider: Provider, subject: str, day: dt.date) -> Sequence[str]:
    """Return what came of the calls of this day (UTC), the newest first."""
    began = dt.datetime.combine(day, dt.time(), dt.UTC)
    return db.session.scalars(
        select(ProviderCall.outcome)
        .where(ProviderCall.provider == provider.name, ProviderCall.started_at >= began,
               ProviderCall.subject == subject)
        .order_by(ProviderCall.id.desc())).all()
