"""One run's calls for what is not a price: within their share, within the run's time, each on record."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlalchemy import select

from webapp import clock
from webapp.extensions import db
from webapp.models import ProviderCall
from webapp.records import Instrument
from worker import quota
from worker.history import runs
from worker.providers.answers import broken_answer
from worker.providers.base import ErrorKind, Provider, ProviderError
from worker.shares import over_share

log = logging.getLogger(__name__)

Found = TypeVar("Found")

# So many calls are made in one run.
MOST_CALLS = 40
WORDS = {runs.DAILY: "days", runs.SPLITS: "splits", runs.DIVIDENDS: "dividends", runs.COMPANY: "company"}
# A refusal that ends so soon is waited for, so many times.
SHORT_WAIT, MOST_WAITS = dt.timedelta(seconds=5), 3
# For a provider that can be asked within this time a stock waits; where it takes longer, the next one is asked.
PATIENCE = dt.timedelta(hours=1)
# So many stocks in a row, of which a plan gives none, mean that it gives none at all.
LACKING_AFTER = 3


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a provider's calls of a minute, an hour and a day that some may have.

    `prefix` is what their subjects begin with in the record of calls, `title` their name in what people read.
    """

    part: float
    prefix: str
    title: str


# Past days, events and companies together.
SHARE_OF_DAYS = Share(0.2, "history ", "past days")


@dataclass
class Round:
    """One run: until when it begins further calls, who may not be asked any more in it and why, what came of it."""

    ends: float
    calls: int = 0
    refusals: dict[str, quota.Refusal] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    lacking: dict[tuple[str, str], bool] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    done: int = 0
    refused: int = 0

    @property
    def is_over(self) -> bool:
        """Tell whether the next run is to go on."""
        return time.monotonic() > self.ends or self.calls >= MOST_CALLS

    def may_ask(self, provider: Provider, kind: str) -> bool:
        """Tell whether the provider's plan may have such things at all; see plan_lacks()."""
        key = (provider.name, kind)
        if key not in self.lacking:
            self.lacking[key] = plan_lacks(provider, subject_of(kind))
        return not self.lacking[key]

    def say_waiting(self) -> None:
        """Write for whom how many stocks wait; commit."""
        for name, count in self.waiting.items():
            runs.note_waiting(name, count, self.refusals[name].reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said of one stock, to be closed with what is stored of it; `claim` is None where none counts.

    `before` is what earlier calls that share the row of this one came to.
    """

    provider: Provider
    claim: int | None
    run_id: int
    before: runs.Outcome = runs.NOTHING_YET

    def close(self, outcome: runs.Outcome, error: ProviderError | None = None) -> None:
        """Write what came of it; the caller commits."""
        if self.claim is not None:
            quota.settle(self.provider, self.claim, error, of_quotes=False)
        runs.end(self.run_id, outcome)

    def refuse(self, error: ProviderError) -> None:
        """Write, in place of all that was not committed, what the provider raised; commit."""
        db.session.rollback()
        self.close(replace(self.before, state=(said := runs.outcome_of(error)).state, reason=said.reason), error)
        db.session.commit()

    def fail(self, reason: str) -> None:
        """Write, in place of all that was not committed, that it could not be stored; commit."""
        self.refuse(broken_answer(self.provider.title, reason))


def claim(round_: Round, provider: Provider, kind: str, instrument: Instrument) -> int | quota.Refusal | None:
    """Count a call for one stock as claim_within() does; who refused one in this run is not asked again in it."""
    known = round_.refusals.get(provider.name)
    if known is not None:
        return known
    found = claim_within(SHARE_OF_DAYS, provider, subject_of(kind) + instrument.key)
    if isinstance(found, quota.Refusal):
        round_.refusals[provider.name] = found
    elif found is not None:
        round_.calls += 1
    return found


def claim_within(share: Share, provider: Provider, subject: str) -> int | quota.Refusal | None:
    """Count a call within the share, None where the provider counts none; return why it may not be made now.

    A pause that ends soon is waited out, a few times. No transaction is open afterwards, nor meanwhile.
    """
    if not quota.is_counted(provider):
        return quota.permit(provider, subject)
    waits = 0
    while isinstance(found := _claim(share, provider, subject), quota.Refusal):
        db.session.rollback()
        left = found.until - clock.now()
        if waits == MOST_WAITS or left >= SHORT_WAIT:
            break
        time.sleep(max(left.total_seconds(), 0.05))
        waits += 1
    return found


def subject_of(kind: str) -> str:
    """Return what the subjects of such calls begin with in the record of calls."""
    return f"{SHARE_OF_DAYS.prefix}{WORDS[kind]} "


def ask(claimed: int | None, provider: Provider, kind: str, instrument: Instrument,
        call: Callable[[], Found]) -> tuple[Answer, Found] | ProviderError:
    """Make the call; return the answer, which is to be closed with what is stored of it, or what the provider raised.

    The latter is on record, and committed. Whatever else is raised is too: who brings it about rests.
    """
    answer = Answer(provider, claimed, runs.begin(kind, provider.name, instrument))
    try:
        found = call()
    except ProviderError as error:
        log.warning("%s: %s of %s: %s: %s", provider.name, WORDS[kind], instrument.key, error.kind, error.message)
        answer.refuse(error)
        return error
    except Exception:
        answer.fail("it made the program fail")
        raise
    return answer, found


def plan_lacks(provider: Provider, prefix: str) -> bool:
    """Tell whether the plan refused the last stocks of the last day that it was asked for: it has none of these.

    `prefix` is what the subjects of such calls begin with.
    """
    if not quota.is_counted(provider):
        return False
    outcomes = db.session.scalars(
        select(ProviderCall.outcome)
        .where(ProviderCall.provider == provider.name, ProviderCall.started_at > clock.now() - quota.DAY,
               ProviderCall.subject.startswith(prefix, autoescape=True))
        .order_by(ProviderCall.started_at.desc()).limit(LACKING_AFTER)).all()
    return len(outcomes) == LACKING_AFTER and all(
        outcome.startswith(ErrorKind.NOT_ENTITLED) for outcome in outcomes)


def _claim(share: Share, provider: Provider, subject: str) -> int | quota.Refusal:
    refusal = over_share(provider, share.prefix, share.part, share.title, clock.now())
    return refusal or quota.claim(provider, subject[:120])
