"""Keeps the directory of instruments: asks providers what people search for, and takes over what is listed."""

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from flask import current_app
from sqlalchemy import delete, select

from config import Config
from webapp import clock
from webapp.extensions import db
from webapp.models import ProviderCall, SymbolSearch
from webapp.records import Listing
from webapp.symbols import service
from worker import listings, quota
from worker.providers.base import ErrorKind, GivesListing, GivesSearch, Provider, ProviderError
from worker.providers.registry import providers_with

log = logging.getLogger(__name__)

Found = TypeVar("Found")

# What stands in the record of calls in place of a stock.
SEARCH = "search:"
LISTING = "listing"
# Searches may have this part of a day's calls: prices need the others.
SEARCH_SHARE = 0.2
# One search at a time looks at its share and claims its call, however many workers there are.
SHARE_LOCK = "stagewatch:search-share"
LOCK_SECONDS = 10
# A refusal that ends so soon is waited for.
SHORT_WAIT = dt.timedelta(seconds=5)
ANSWERS_KEPT = dt.timedelta(days=8)


def search_symbols(text: str) -> str:
    """Ask the providers in their order for the symbols that a text may mean, and keep the first answer that has any.

    Only a text that was asked for and has no answer yet is asked for: to run twice costs nothing.
    """
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


def sync_listing() -> str:
    """Take over what is listed in the United States from the first provider that can say it, at most once a day.

    Return in words what changed. Raise ProviderError where a provider was asked and none answered, so that the run
    counts as failed.
    """
    settings: Config = current_app.config["SETTINGS"]
    now = clock.now()
    db.session.execute(delete(SymbolSearch).where(SymbolSearch.asked_at < now - ANSWERS_KEPT))
    db.session.commit()
    failure: ProviderError | None = None
    for provider in providers_with(settings, GivesListing):
        outcome = _outcome_on(provider, LISTING, now.date())
        if outcome == quota.OK:
            return f"{provider.title} was asked today already"
        found = _listing(provider) if outcome is None else ProviderError(
            ErrorKind.UNREACHABLE, f"{provider.title} was asked today and did not answer.")
        if not isinstance(found, ProviderError):
            return listings.take_over(found, provider, now.date())
        failure = failure or found
    if failure is not None:
        raise failure
    return "no provider here has a directory"


def _listing(provider: GivesListing) -> list[Listing] | ProviderError:
    """Make the one call for a provider's directory; return why there is none."""
    try:
        found = _counted(provider, LISTING, lambda: provider.listing(clock.now()))
    except ProviderError as error:
        return error
    return ProviderError(ErrorKind.THROTTLED_DAY, found.reason) if isinstance(found, quota.Refusal) else found


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
    claim = _claim_soon(provider, subject, claim_call) if quota.is_counted(provider) else None
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
    """Claim a call for a search, if the searches have not used their share of the day."""
    lock = current_app.extensions["redis"].lock(SHARE_LOCK, timeout=LOCK_SECONDS)
    with lock:
        return _over_share(provider, clock.now()) or quota.claim(provider, subject)


def _over_share(provider: Provider, now: dt.datetime) -> quota.Refusal | None:
    """Return the refusal where the last 24 hours had as many searches as they may have."""
    per_day = provider.limits.per_day
    if per_day is None:
        return None
    share = max(int(per_day * SEARCH_SHARE), 1)
    newest = db.session.scalars(
        select(ProviderCall.started_at)
        .where(ProviderCall.provider == provider.name, ProviderCall.started_at > now - quota.DAY,
               ProviderCall.subject.startswith(SEARCH, autoescape=True))
        .order_by(ProviderCall.started_at.desc()).limit(share)).all()
    if len(newest) < share:
        return None
    free_at = newest[-1] + quota.DAY
    return quota.Refusal(f"{provider.title}: searches have used their share of the day, {share} of {per_day} requests; "
                         f"the next is free at {free_at:%H:%M} UTC.", free_at)


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


def _outcome_on(provider: Provider, subject: str, day: dt.date) -> str | None:
    """Return what came of the call of this day (UTC); None where none was made."""
    began = dt.datetime.combine(day, dt.time(), dt.UTC)
    return db.session.scalar(
        select(ProviderCall.outcome)
        .where(ProviderCall.provider == provider.name, ProviderCall.started_at >= began,
               ProviderCall.subject == subject)
        .order_by(ProviderCall.id.desc()).limit(1))
