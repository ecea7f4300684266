"""Splits and dividends of stocks whose past days come without them: asked for once a week at most."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from webapp import clock
from webapp.bars.findings import check_series
from webapp.bars.writing import write_events
from webapp.extensions import db
from webapp.models import RunState
from webapp.records import Adjustment, Dividend, Instrument, Split, parts_of
from worker import quota
from worker.history import calls, runs
from worker.history.calls import Round
from worker.history.wanted import Held, Wanted, load_series
from worker.providers.base import GivesDividends, GivesSplits, Provider, ProviderError
from worker.providers.simulator import Simulator

# What these send of past days has the events among it.
WITH_EVENTS = frozenset({"tiingo", "yahoo", "csv", Simulator.name})
ASK_AGAIN = dt.timedelta(days=7)
PROTOCOLS: dict[str, type] = {runs.SPLITS: GivesSplits, runs.DIVIDENDS: GivesDividends}


def fetch_events(round_: Round, wanted: Sequence[Wanted], providers: Sequence[Provider], kind: str) -> None:
    """Ask for the splits, or the dividends, of those stocks for which nobody was asked this week."""
    lacking = [want for want in wanted if _needs_events(want.series)]
    asked = {number for number, _source in runs.asked_since(
        kind, [want.instrument.id for want in lacking], clock.now() - ASK_AGAIN)}
    for want in lacking:
        if round_.is_over:
            return
        if want.instrument.id not in asked:
            fetch_for(round_, want.instrument, providers, kind)


def lacks_splits(instrument_id: int) -> bool:
    """Tell whether days are held of the stock that came without splits, for which nobody was asked this week."""
    series = load_series([instrument_id]).get(instrument_id, {})
    return _needs_events(series) and not runs.asked_since(runs.SPLITS, [instrument_id], clock.now() - ASK_AGAIN)


def fetch_for(round_: Round, instrument: Instrument, providers: Sequence[Provider], kind: str) -> None:
    """Ask the first provider that may be asked and answers; keep what it says, check the bars with it, commit."""
    for provider in providers:
        if not isinstance(provider, PROTOCOLS[kind]) or not provider.covers(instrument) or not round_.may_ask(
                provider, kind):
            continue
        claimed = calls.claim(round_, provider, kind, instrument)
        if isinstance(claimed, quota.Refusal):
            continue
        asked = calls.ask(claimed, provider, kind, instrument, _call(provider, kind, instrument))
        if isinstance(asked, ProviderError):
            continue
        answer, (splits, dividends) = asked
        try:
            known = _keep(instrument, splits, dividends, provider.name)
        except Exception:
            answer.fail("it made the program fail")
            raise
        answer.close(runs.Outcome(RunState.DONE, added=known, unchanged=len(splits) + len(dividends) - known))
        db.session.commit()
        if known:
            round_.changed.add(instrument.id)
        return


def _needs_events(series: Mapping[str, Held]) -> bool:
    """Tell whether something is held that came without its events."""
    return any(source not in WITH_EVENTS and held.adjusted is not Adjustment.ALL and held.last_day is not None
               for source, held in series.items())


def _call(provider: Provider, kind: str,
          instrument: Instrument) -> Callable[[], tuple[list[Split], list[Dividend]]]:
    def call() -> tuple[list[Split], list[Dividend]]:
        if kind == runs.SPLITS and isinstance(provider, GivesSplits):
            return provider.splits(instrument, clock.now()), []
        if kind == runs.DIVIDENDS and isinstance(provider, GivesDividends):
            return [], provider.dividends(instrument, clock.now())
        return [], []

    return call


def _keep(instrument: Instrument, splits: list[Split], dividends: list[Dividend], source: str) -> int:
    """Write events, amounts turned from the unit of the exchange into the currency; return how many were not known."""
    part = Decimal(1) / parts_of(instrument.quoted_in)
    paid = [Dividend(dividend.day, dividend.amount * part) for dividend in dividends]
    known = write_events(instrument.id, splits, paid, source, clock.now())
    if known:
        for held in load_series([instrument.id]).get(instrument.id, {}).values():
            check_series(held.id, clock.now())
    return known
