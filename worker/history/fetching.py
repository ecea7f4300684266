"""Past days of one stock: asked of one provider after the other, until one has them, stored and checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select, update

from webapp import clock
from webapp.bars.basis import quotients
from webapp.bars.codec import joined, unpack
from webapp.bars.findings import check_series
from webapp.bars.histories import bars_of
from webapp.bars.writing import Written, write_history
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import BarChunk, BarSeries, QuoteRow, RunState
from webapp.records import Adjustment, History, Instrument
from worker import quota
from worker.history import calls, events, runs
from worker.history.calls import Answer, Round
from worker.history.wanted import Held, Wanted
from worker.providers.base import GivesDaily, Provider, ProviderError
from worker.trust import standard_deviation

# So many days are asked for once more: they show whether the source has divided its past prices anew.
OVERLAP = dt.timedelta(days=10)
# What prices of a day may differ by where they are of the same basis; dividends move it by less than splits.
SAME_BASIS, SAME_BASIS_ALL = 0.01, 0.0005
# A run that found a new basis and had no call left for all days: the next one asks for all at once.
ANEW = "Its past prices were divided anew: all of them are to be fetched again."
# So many of the newest days say how much a stock moves.
DEVIATION_DAYS = 90


@dataclass
class Fetcher:
    """One run's way through the stocks."""

    round: Round
    providers: Sequence[GivesDaily]
    sessions: SessionBook
    rests: dict[tuple[int, str], dt.datetime]
    anew: set[tuple[int, str]]

    def fetch(self, want: Wanted) -> bool:
        """Fetch one stock's days from the first provider that has them, one commit; tell whether any had.

        Days that are adjusted for dividends too are kept only where no other provider has any: they stand alone.
        """
        stock = want.instrument
        spare: tuple[Answer, History] | None = None
        for provider in self._candidates(want):
            claimed = calls.claim(self.round, provider, runs.DAILY, stock)
            if isinstance(claimed, quota.Refusal):
                self.round.waiting[provider.name] += 1
                if claimed.until - clock.now() <= calls.PATIENCE:
                    break
                continue
            asked = self._ask(provider, want, claimed)
            if asked is None:
                continue
            if asked[1].adjusted is not Adjustment.ALL:
                if spare:
                    _leave(spare[0], f"{provider.title} has them without dividends in them.")
                return self._store(want, *asked)
            if spare is None:
                spare = asked
            else:
                _leave(asked[0], f"{spare[0].provider.title} has the same.")
        return self._store(want, *spare) if spare else False

    def _candidates(self, want: Wanted) -> list[GivesDaily]:
        """Return who may be asked for the stock, the preferred one first."""
        return [provider for provider in self.providers
                if provider.covers(want.instrument) and (want.instrument.id, provider.name) not in self.rests
                and self.round.may_ask(provider, runs.DAILY)]

    def _ask(self, provider: GivesDaily, want: Wanted, claimed: int | None) -> tuple[Answer, History] | None:
        """Make the call, and a second one where the first shows a new basis; None where nothing came of it."""
        stock = want.instrument
        held = want.series.get(provider.name)
        known = held is not None and held.last_day is not None and (stock.id, provider.name) not in self.anew
        since = held.last_day - OVERLAP if known and held and held.last_day else None
        asked = calls.ask(claimed, provider, runs.DAILY, stock,
                          lambda: provider.daily(stock, clock.now(), self.sessions, since))
        if isinstance(asked, ProviderError):
            self.round.refused += 1
            return None
        answer, history = asked
        if held is None or since is None or not _is_rebased(held, history, stock, since):
            return answer, history
        _leave(answer, ANEW)
        claimed_anew = calls.claim(self.round, provider, runs.DAILY, stock)
        if isinstance(claimed_anew, quota.Refusal):
            return None
        again = calls.ask(claimed_anew, provider, runs.DAILY, stock,
                          lambda: provider.daily(stock, clock.now(), self.sessions))
        return None if isinstance(again, ProviderError) else again

    def _store(self, want: Wanted, answer: Answer, history: History) -> bool:
        """Store what came, say so, commit; tell whether there was anything."""
        try:
            outcome = store_history(history, want)
        except ValueError as error:  # what came does not fit what is there, or cannot be right
            answer.fail(str(error))
            self.round.refused += 1
            return False
        except Exception:
            answer.fail("it made the program fail")
            raise
        answer.close(outcome)
        db.session.commit()
        if outcome.state is not RunState.DONE:
            self.round.refused += 1
            return False
        self.round.done += 1
        if outcome.added or outcome.changed:
            self.round.changed.add(want.instrument.id)
        return True


def _leave(answer: Answer, reason: str) -> None:
    """Do without an answer, say why, commit."""
    answer.close(runs.Outcome(RunState.SKIPPED, reason))
    db.session.commit()


def store_history(history: History, want: Wanted) -> runs.Outcome:
    """Write what a source sent of one stock, and check it; the caller commits.

    Raise ValueError where it cannot be stored. Nothing at all of a stock of which nothing is held is a refusal.
    """
    now, stock = clock.now(), want.instrument
    held = want.series.get(history.source)
    if not history.bars:
        if held is None:
            return runs.Outcome(RunState.REFUSED, "It has no past days of this stock.")
        db.session.execute(update(BarSeries).where(BarSeries.id == held.id).values(fetched_at=now))
        return runs.Outcome(RunState.DONE, "Nothing newer.")
    written: Written = write_history(history, stock, now)
    findings = check_series(written.series_id, now)
    keep_deviation(history, stock)
    return runs.Outcome(RunState.DONE, "" if written.added or written.changed else "Nothing newer.", written.added,
                        written.changed, written.unchanged, findings)


def keep_deviation(history: History, stock: Instrument) -> None:
    """Keep how much the stock moves in a day where that is not known yet: so few closes were seen. No commit."""
    closes = [(bar.day, bar.close) for bar in history.bars[-DEVIATION_DAYS:]]
    deviation = standard_deviation(closes)
    if deviation is not None:
        db.session.execute(update(QuoteRow).where(QuoteRow.instrument_id == stock.id, QuoteRow.deviation.is_(None))
                           .values(deviation=deviation))


def _is_rebased(held: Held, history: History, stock: Instrument, since: dt.date) -> bool:
    """Tell whether the days that are held and sent differ by more than slips: the source has divided its past anew."""
    rows = db.session.scalars(
        select(BarChunk.data).where(BarChunk.series_id == held.id, BarChunk.start >= dt.date(since.year, 1, 1))
        .order_by(BarChunk.start)).all()
    db.session.rollback()  # a further call may follow
    if not rows or not history.bars:
        return False
    try:
        found = quotients(joined([unpack(data) for data in rows]), bars_of(history, stock))
    except ValueError:  # of another currency: storing it says so
        return False
    limit = SAME_BASIS_ALL if history.adjusted is Adjustment.ALL else SAME_BASIS
    return bool(len(found)) and float(np.median(np.abs(np.log(found)))) > limit


def fetch_with_splits(fetcher: Fetcher, want: Wanted, providers: Sequence[Provider]) -> None:
    """Fetch one stock's days, and at the first time its splits too: without them they cannot be read."""
    if not fetcher.fetch(want) or want.series or not events.lacks_splits(want.instrument.id):
        return
    events.fetch_for(fetcher.round, want.instrument, providers, runs.SPLITS)
