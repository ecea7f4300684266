"""The jobs that ask providers for symbols: what they ask, in which order, and that every call is counted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.worker.conftest import NOW, Clock, Vendor
from webapp.extensions import db
from webapp.models import InstrumentRow, ProviderCall, ProviderState, SymbolSearch
from webapp.records import Listing
from webapp.symbols import service
from webapp.symbols.queries import Answer, Step, load_answer
from webapp.vendors import SEARCHABLE, Limits
from worker import quota
from worker.jobs.directory import SEARCH, search_symbols, sync_listing
from worker.jobs.upkeep import purge_old_rows
from worker.providers.base import Capability, ErrorKind, GivesSearch, Provider, ProviderError, capabilities_of
from worker.providers.registry import MAKERS

pytestmark = pytest.mark.usefixtures("set_clock")

SIEMENS = Listing("SIE", "XETR", "Siemens AG", "EUR", "DE")
APPLE = Listing("AAPL", "XNAS", "Apple Inc", "USD", "US")
DAY = dt.timedelta(days=1)
THROTTLED = ProviderError(ErrorKind.THROTTLED_MINUTE, "The First is throttled.")
NOT_ENTITLED = ProviderError(ErrorKind.NOT_ENTITLED, "The plan of this key has no search.")


@dataclass
class Guide(Vendor):
    """A provider that can also be searched and has a directory."""

    found: list[Listing] | ProviderError | Exception = field(default_factory=list)
    listed: list[Listing] | ProviderError | Exception = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    listings: int = 0

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Answer as told."""
        self.texts.append(text)
        self.on_call()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def listing(self, now: dt.datetime) -> list[Listing]:
        """Answer as told."""
        self.listings += 1
        self.on_call()
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch, second: Guide) -> Guide:
    """The preferred of two providers, with Alpha Vantage's limits."""
    made = Guide(Limits(per_day=25), name="first", title="The First")
    monkeypatch.setattr("worker.jobs.directory.providers_with", lambda settings, ability: [made, second])
    return made


@pytest.fixture
def second() -> Guide:
    return Guide(Limits(per_minute=60), name="second", title="The Second")


def ask(text: str, now: dt.datetime = NOW) -> Answer:
    """Ask as the page does, run the job, and return what the page then shows."""
    assert service.ask(text, now)
    db.session.commit()
    search_symbols(text)
    answer = load_answer(text, now)
    assert answer is not None
    return answer


def calls() -> list[tuple[str, str, str]]:
    rows = db.session.query(ProviderCall).order_by(ProviderCall.id)
    return [(row.provider, row.subject, row.outcome) for row in rows]


# Searching


@pytest.mark.both_databases
def test_what_the_first_provider_finds_is_kept_and_counted(app: Flask, first: Guide, second: Guide) -> None:
    first.found = [SIEMENS]
    answer = ask("Siemens AG")
    assert (answer.step, answer.provider) == (Step.ANSWERED, "First")
    assert [hit.listing for hit in answer.hits] == [SIEMENS]
    assert (first.texts, second.texts) == (["Siemens AG"], [])
    assert calls() == [("first", "search:Siemens AG", "ok")]
    assert db.session.query(InstrumentRow).count() == 0


@pytest.mark.both_databases
@pytest.mark.parametrize("found", [[], THROTTLED, ProviderError(ErrorKind.UNKNOWN_SYMBOL, "Nothing.")])
def test_the_next_provider_is_asked_where_one_cannot_help(
        app: Flask, first: Guide, second: Guide, found: list[Listing] | ProviderError) -> None:
    first.found, second.found = found, [SIEMENS]
    answer = ask("siemens")
    assert answer.provider == "Second"
    assert [name for name, _, _ in calls()] == ["first", "second"]


def test_where_nobody_knows_it_that_is_an_answer(app: Flask, first: Guide, second: Guide) -> None:
    first.found = THROTTLED
    answer = ask("siemens")
    assert (answer.step, answer.provider, answer.hits) == (Step.ANSWERED, "Second", ())


def test_where_nobody_can_be_asked_the_reasons_are_kept(app: Flask, first: Guide, second: Guide) -> None:
    first.found = THROTTLED
    second.found = ProviderError(ErrorKind.UNREACHABLE, "The Second cannot be reached.")
    answer = ask("siemens")
    assert answer.step is Step.FAILED
    assert answer.problem == "The First is throttled. The Second cannot be reached."


def test_without_any_provider_the_answer_says_so(app: Flask) -> None:
    assert "No provider" in ask("siemens").problem


def test_an_answered_text_costs_no_second_call(app: Flask, first: Guide) -> None:
    first.found = [SIEMENS]
    ask("siemens")
    assert search_symbols("SIEMENS") == "answered already"
    assert search_symbols("nobody asked for this") == "answered already"
    assert len(first.texts) == 1


@pytest.mark.both_databases
def test_searches_may_use_a_fifth_of_a_day(app: Flask, first: Guide, second: Guide, set_clock: Clock) -> None:
    first.found = [SIEMENS]
    second.found = ProviderError(ErrorKind.UNREACHABLE, "The Second cannot be reached.")
    for number in range(5):
        assert ask(f"text {number}").provider == "First"
        set_clock.pass_by(minutes=1)
    answer = ask("one more", set_clock())
    assert answer.problem.startswith("The First: searches have used their share of the day, 5 of 25 requests; "
                                     "the next is free at 15:00 UTC.")
    assert len(first.texts) == 5
    set_clock.pass_by(hours=23, minutes=55)
    assert ask("the next day", set_clock()).provider == "First"


@pytest.mark.parametrize(("limits", "share", "unit", "length"), [
    (Limits(per_minute=60), "12 of 60", "minute", dt.timedelta(minutes=1)),
    (Limits(per_minute=8, per_day=800), "1 of 8", "minute", dt.timedelta(minutes=1)),
    (Limits(per_hour=50, per_day=1000), "10 of 50", "hour", dt.timedelta(hours=1))])
def test_searches_leave_minutes_and_hours_to_prices_too(
        app: Flask, first: Guide, second: Guide, set_clock: Clock, limits: Limits, share: str, unit: str,
        length: dt.timedelta) -> None:
    first.limits, first.found = limits, [SIEMENS]
    second.found = ProviderError(ErrorKind.UNREACHABLE, "The Second cannot be reached.")
    for number in range(int(share.partition(" ")[0])):
        assert ask(f"text {number}").provider == "First"
    assert f"The First: searches have used their share of the {unit}, {share} requests;" in ask("one more").problem
    set_clock.moment += length
    assert ask("a while later", set_clock()).provider == "First"


def test_one_search_at_a_time_and_the_others_follow(app: Flask, redis: Redis, first: Guide) -> None:
    first.found = [SIEMENS]
    for text in ("siemens", "bayer", "basf"):
        service.ask(text, NOW)
    db.session.commit()
    said: list[str] = []
    first.on_call = lambda: said.append(search_symbols("bayer"))
    search_symbols("siemens")
    assert (first.texts, said) == (["siemens"], ["another search is under way"])
    first.on_call = lambda: None
    for text in ("basf", "bayer"):
        [job] = Queue("default", connection=redis).jobs
        assert (job.func_name, tuple(job.args)) == ("worker.jobs.directory.search_symbols", (text,))
        job.delete()
        search_symbols(text)
    assert not Queue("default", connection=redis).jobs
    assert first.texts == ["siemens", "basf", "bayer"]


def test_a_question_that_nobody_waits_for_any_more_does_not_follow(
        app: Flask, redis: Redis, first: Guide, set_clock: Clock) -> None:
    first.found = [SIEMENS]
    service.ask("bayer", NOW)
    db.session.commit()
    set_clock.pass_by(minutes=5)
    ask("siemens", set_clock())
    assert not Queue("default", connection=redis).jobs


def test_a_search_that_fails_does_not_hold_up_the_others(app: Flask, redis: Redis, first: Guide) -> None:
    first.found = RuntimeError("a mistake of ours")
    for text in ("siemens", "bayer"):
        service.ask(text, NOW)
    db.session.commit()
    with pytest.raises(RuntimeError):
        search_symbols("siemens")
    assert [tuple(job.args) for job in Queue("default", connection=redis).jobs] == [("bayer",)]


def test_a_lock_that_is_lost_meanwhile_loses_no_answer(app: Flask, redis: Redis, first: Guide) -> None:
    def forget() -> None:
        redis.flushall()

    first.found, first.on_call = [SIEMENS], forget
    assert ask("siemens").step is Step.ANSWERED


def test_other_calls_do_not_count_for_the_searches_share(app: Flask, first: Guide) -> None:
    db.session.add_all(ProviderCall(provider="first", started_at=NOW, subject="XNYS:IBM") for _ in range(20))
    db.session.commit()
    first.found = [SIEMENS]
    assert ask("siemens").provider == "First"


def test_a_used_up_day_is_a_reason_too(app: Flask, first: Guide, second: Guide) -> None:
    db.session.add_all(ProviderCall(provider="first", started_at=NOW, subject="XNYS:IBM") for _ in range(25))
    db.session.commit()
    second.found = THROTTLED
    assert "today's 25 requests are used" in ask("siemens").problem
    assert first.texts == []


def test_a_plan_without_search_is_asked_once_a_day_and_keeps_its_prices(
        app: Flask, first: Guide, second: Guide, set_clock: Clock) -> None:
    first.found, second.found = NOT_ENTITLED, [SIEMENS]
    assert ask("siemens").provider == "Second"
    assert db.session.get_one(ProviderState, "first").paused_until is None
    assert quota.refusal_now(first) is None
    assert ask("bayer").provider == "Second"
    assert first.texts == ["siemens"]
    set_clock.pass_by(days=1, seconds=1)
    ask("basf", set_clock())
    assert first.texts == ["siemens", "basf"]


def test_a_bad_key_lets_the_provider_rest(app: Flask, first: Guide, second: Guide) -> None:
    first.found = ProviderError(ErrorKind.BAD_KEY, "The First does not accept the key.")
    ask("siemens")
    assert quota.refusal_now(first) is not None


def test_no_transaction_is_open_while_the_network_is_slow(app: Flask, first: Guide) -> None:
    open_ones: list[bool] = []
    first.on_call = lambda: open_ones.append(db.session().in_transaction())
    first.found, first.listed = [SIEMENS], [APPLE]
    ask("siemens")
    sync_listing()
    assert open_ones == [False, False]


def test_a_crash_leaves_the_call_counted_and_the_question_open(app: Flask, first: Guide) -> None:
    first.found = RuntimeError("a mistake of ours")
    service.ask("siemens", NOW)
    db.session.commit()
    with pytest.raises(RuntimeError):
        search_symbols("siemens")
    db.session.rollback()
    assert calls() == [("first", f"{SEARCH}siemens", "started")]
    answer = load_answer("siemens", NOW)
    assert answer is not None
    assert answer.step is Step.WAITING


def test_the_page_offers_exactly_the_vendors_that_can_be_searched(app: Flask) -> None:
    able = set()
    for name, make in MAKERS.items():
        provider: Provider = make(app.config["SETTINGS"])
        if Capability.SEARCH in capabilities_of(provider):
            assert isinstance(provider, GivesSearch)
            able.add(name)
    assert able == SEARCHABLE


# The directory


@dataclass
class Broken:
    """Takes no list over."""

    times: int = 0

    def __call__(self, *_: object) -> str:
        """Fail as a database does that somebody else has locked."""
        self.times += 1
        raise OSError("database is locked")


def test_a_list_that_was_not_taken_over_is_fetched_again(
        app: Flask, first: Guide, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    first.listed = [APPLE]
    with monkeypatch.context() as patch:
        patch.setattr("worker.listings.take_over", broken := Broken())
        with pytest.raises(OSError, match="locked"):
            sync_listing()
        db.session.rollback()
    set_clock.pass_by(hours=1)
    assert sync_listing().startswith("The First: 1 listed, 1 new")
    assert sync_listing() == "The First was asked today already"
    assert (broken.times, first.listings) == (1, 2)


def test_a_list_that_is_never_taken_over_costs_three_calls_a_day_and_fails_each_run(
        app: Flask, first: Guide, second: Guide, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    first.listed, second.listed = [APPLE], NOT_ENTITLED
    monkeypatch.setattr("worker.listings.take_over", broken := Broken())
    for _ in range(3):
        with pytest.raises(OSError, match="locked"):
            sync_listing()
        db.session.rollback()
    with pytest.raises(ProviderError, match="The First was asked 3 times today, and its list never taken over"):
        sync_listing()
    assert (broken.times, first.listings) == (3, 3)


def test_a_fault_is_told_each_day_also_where_another_provider_steps_in(
        app: Flask, first: Guide, second: Guide, set_clock: Clock) -> None:
    first.listed, second.listed = ProviderError(ErrorKind.UNREACHABLE, "The First cannot be reached."), [APPLE]
    for _ in range(2):
        assert sync_listing().endswith(" 0 missing. The First cannot be reached.")
        assert sync_listing() == "The Second was asked today already. The First cannot be reached."
        set_clock.pass_by(days=1)


def test_a_plan_without_a_directory_is_no_failure(
        app: Flask, first: Guide, second: Guide, set_clock: Clock) -> None:
    first.listed = ProviderError(ErrorKind.NOT_ENTITLED, "The First: the plan has no directory.")
    second.listed = ProviderError(ErrorKind.NOT_ENTITLED, "The Second: the plan has no directory.")
    for _ in range(2):
        assert sync_listing() == "The First: the plan has no directory. The Second: the plan has no directory."
    assert (first.listings, second.listings) == (1, 1)


@pytest.mark.both_databases
def test_the_directory_is_taken_over_once_a_day(app: Flask, first: Guide, set_clock: Clock) -> None:
    first.listed = [APPLE]
    assert sync_listing() == "The First: 1 listed, 1 new, 0 renamed, 0 delisted, 0 missing"
    assert calls() == [("first", "listing", "ok")]
    set_clock.pass_by(hours=8)
    assert sync_listing() == "The First was asked today already"
    set_clock.pass_by(hours=2)
    assert sync_listing().startswith("The First: 1 listed, 0 new")
    assert first.listings == 2


def test_the_next_provider_is_asked_where_the_first_has_none(
        app: Flask, first: Guide, second: Guide, set_clock: Clock) -> None:
    first.listed, second.listed = NOT_ENTITLED, [APPLE]
    assert sync_listing().startswith("The Second: 1 listed")
    assert quota.refusal_now(first) is None
    assert sync_listing() == "The Second was asked today already"
    assert (first.listings, second.listings) == (1, 1)


def test_a_failure_fails_the_run_and_is_not_tried_again_that_day(
        app: Flask, first: Guide, second: Guide, set_clock: Clock) -> None:
    first.listed = ProviderError(ErrorKind.UNREACHABLE, "The First cannot be reached.")
    second.listed = ProviderError(ErrorKind.BROKEN_ANSWER, "The Second sent nonsense.")
    for _ in range(2):
        with pytest.raises(ProviderError, match="The First"):
            sync_listing()
    assert (first.listings, second.listings) == (1, 1)
    set_clock.pass_by(days=1)
    first.listed = [APPLE]
    assert sync_listing().startswith("The First: 1 listed")


def test_a_refusal_of_the_quota_is_tried_again_the_same_day(
        app: Flask, first: Guide, second: Guide, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.jobs.directory.providers_with", lambda settings, ability: [first])
    first.listed = [APPLE]
    db.session.add_all(ProviderCall(provider="first", started_at=NOW - DAY + dt.timedelta(hours=1), subject="XNYS:IBM")
                       for _ in range(25))
    db.session.commit()
    with pytest.raises(ProviderError, match="25 requests are used"):
        sync_listing()
    set_clock.pass_by(hours=2)
    assert sync_listing().startswith("The First: 1 listed")


def test_without_a_provider_that_has_one_there_is_nothing_to_do(app: Flask) -> None:
    assert sync_listing() == "no provider here has a directory"


def test_old_answers_go(app: Flask) -> None:
    for text, days in (("old", 9), ("young", 2)):
        service.ask(text, NOW - days * DAY)
    db.session.commit()
    purge_old_rows()
    assert [row.text for row in db.session.query(SymbolSearch)] == ["young"]
