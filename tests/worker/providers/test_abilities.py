"""What holds for all that any vendor can do besides quotes: sound records of the right type, or the one error."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import random
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.case import Case
from tests.worker.providers.conftest import KEY, Vendor
from tests.worker.providers.test_contract import CASES, ODD, needs_recordings, spoil, spoil_text
from webapp.kinds import KINDS
from webapp.markets import EXCHANGES
from webapp.notation import canonical
from webapp.records import Adjustment, Bar, Company, Dividend, History, Listing, MinuteBar, Minutes, Split
from worker.providers.base import PROTOCOLS, Capability, ErrorKind, Provider, ProviderError, capabilities_of

Ability = tuple[Case, Capability]
ABILITIES = [(name, ability) for name in sorted(CASES) for ability in sorted(CASES[name].abilities)]
MONEY = re.compile(r"[A-Z]{3}|")
COUNTRY = re.compile(r"[A-Z]{2}|")


@pytest.fixture(params=ABILITIES, ids="-".join)
def able(request: pytest.FixtureRequest) -> Ability:
    """Each vendor with each of its abilities."""
    name, ability = request.param
    return CASES[name], ability


@pytest.fixture
def provider(able: Ability, vendor: Vendor, config: Callable[..., Config]) -> Provider:
    """The vendor's provider; its server gives the good answer."""
    case, ability = able
    vendor.say(case.abilities[ability])
    return case.provider(config, vendor.url)


def use(provider: Any, case: Case, ability: Capability) -> Any:
    """Use an ability as a job does."""
    if ability is Capability.DAILY:
        return provider.daily(case.instrument, case.now, case.book)
    if ability is Capability.WEEKLY:
        return provider.weekly(case.instrument, case.now, case.book)
    if ability is Capability.MINUTES:
        return provider.minutes(case.instrument, case.now, case.book)
    if ability is Capability.SEARCH:
        return provider.search("apple", case.now)
    if ability is Capability.LISTING:
        return provider.listing(case.now)
    return getattr(provider, ability.value)(case.instrument, case.now)


def refusal(provider: Provider, case: Case, ability: Capability) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        use(provider, case, ability)
    error = caught.value
    shown = f"{error.message} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert KEY not in shown
    assert "http:" not in shown.lower()
    return error


def count(found: Any) -> int:
    """Return how much an answer holds."""
    if isinstance(found, History | Minutes):
        return len(found.bars)
    return len(found) if isinstance(found, list) else 1


def check(found: Any, provider: Provider, case: Case, ability: Capability) -> None:
    """Hold what came to all that records promise."""
    if ability in {Capability.DAILY, Capability.WEEKLY}:
        check_history(found, provider, case)
    elif ability is Capability.MINUTES:
        check_minutes(found, provider, case)
    elif ability is Capability.OVERVIEW:
        check_company(found, provider, case)
    else:
        assert isinstance(found, list)
        for one in found:
            {Capability.SPLITS: check_split, Capability.DIVIDENDS: check_dividend}.get(ability, check_listing)(one)
        if ability in {Capability.SPLITS, Capability.DIVIDENDS}:
            assert [one.day for one in found] == sorted(one.day for one in found)


def check_history(history: Any, provider: Provider, case: Case) -> None:
    assert isinstance(history, History)
    assert (history.instrument_id, history.source) == (case.instrument.id, provider.name)
    assert history.adjusted in set(Adjustment)
    days = [bar.day for bar in history.bars]
    assert days == sorted(set(days))
    for bar in history.bars:
        check_bar(bar)
        session = case.book.session_on(case.instrument.mic, bar.day)
        assert bar.day <= case.now.date()
        assert session is None or session.closes_at <= case.now, "a day that still runs"
    for split in history.splits:
        check_split(split)
    for dividend in history.dividends:
        check_dividend(dividend)


def check_minutes(minutes: Any, provider: Provider, case: Case) -> None:
    assert isinstance(minutes, Minutes)
    assert (minutes.instrument_id, minutes.source) == (case.instrument.id, provider.name)
    assert minutes.adjusted in {Adjustment.NONE, Adjustment.SPLITS}
    moments = [bar.at for bar in minutes.bars]
    assert moments == sorted(set(moments))
    for bar in minutes.bars:
        check_bar(bar)
        assert (bar.at.utcoffset(), bar.at.second, bar.at.microsecond) == (dt.timedelta(0), 0, 0)
        assert bar.at + dt.timedelta(minutes=1) <= case.now, "a minute that still runs"
        assert case.now - bar.at < dt.timedelta(days=14)


def check_bar(bar: Bar | MinuteBar) -> None:
    for price in (bar.close, bar.open, bar.high, bar.low, getattr(bar, "adjusted_close", None)):
        assert price is None or (isinstance(price, Decimal) and price.is_finite() and price > 0)
    assert bar.high is None or bar.low is None or bar.low <= bar.close <= bar.high
    assert bar.volume is None or (isinstance(bar.volume, int) and bar.volume >= 0)


def check_split(split: Any) -> None:
    assert isinstance(split, Split)
    assert split.ratio.is_finite()
    assert split.ratio > 0
    assert split.ratio != 1


def check_dividend(dividend: Any) -> None:
    assert isinstance(dividend, Dividend)
    assert dividend.amount.is_finite()
    assert dividend.amount > 0


def check_listing(listing: Any) -> None:
    assert isinstance(listing, Listing)
    assert listing.symbol
    assert listing.symbol == canonical(listing.symbol)
    assert listing.mic in EXCHANGES
    assert listing.kind in KINDS
    assert MONEY.fullmatch(listing.unit)
    assert COUNTRY.fullmatch(listing.country)
    assert listing.name.isprintable()


def check_company(company: Any, provider: Provider, case: Case) -> None:
    assert isinstance(company, Company)
    assert (company.instrument_id, company.source) == (case.instrument.id, provider.name)
    assert company.market_cap is None or (company.market_cap.is_finite() and company.market_cap > 0)
    assert company.shares is None or (isinstance(company.shares, int) and company.shares > 0)
    assert company.name.isprintable()


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_ability_of_a_vendor_has_an_answer_to_test_it_with(name: str, vendor: Vendor,
                                                                 config: Callable[..., Config]) -> None:
    case: Case = CASES[name]
    assert capabilities_of(case.provider(config, vendor.url)) == {Capability.QUOTES, *case.abilities}


def test_a_good_answer_gives_sound_records(able: Ability, provider: Provider, vendor: Vendor) -> None:
    case, ability = able
    assert isinstance(provider, PROTOCOLS[ability])
    found = use(provider, case, ability)
    check(found, provider, case, ability)
    assert count(found) > 0
    assert len(vendor.calls) == 1, "one use is one call"


def test_the_key_is_in_no_log_and_no_error(able: Ability, provider: Provider, vendor: Vendor,
                                           caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    use(provider, *able)
    vendor.say("", 500)
    refusal(provider, *able)
    assert KEY not in caplog.text


@pytest.mark.parametrize(("status", "kinds"), [
    (401, {ErrorKind.BAD_KEY}), (429, {ErrorKind.THROTTLED_MINUTE, ErrorKind.THROTTLED_HOUR, ErrorKind.THROTTLED_DAY}),
    (500, {ErrorKind.UNREACHABLE}), (503, {ErrorKind.UNREACHABLE}), (302, {ErrorKind.BROKEN_ANSWER})])
def test_a_status_is_understood_without_a_word(able: Ability, provider: Provider, vendor: Vendor, status: int,
                                               kinds: set[ErrorKind]) -> None:
    vendor.say("", status, {"Location": "/elsewhere", "Retry-After": "77"})
    assert refusal(provider, *able).kind in kinds
    assert len(vendor.calls) == 1


def test_a_vendor_that_hangs_is_left_after_a_while(able: Ability, provider: Provider, vendor: Vendor) -> None:
    vendor.hang()
    assert refusal(provider, *able).kind is ErrorKind.UNREACHABLE


@pytest.mark.parametrize("body", ["", "7", '"7"', "<html>Sorry</html>", '{"a":', b"\xff\xfe", "[" * 5000])
def test_what_is_no_answer_is_an_error(able: Ability, provider: Provider, vendor: Vendor, body: str | bytes) -> None:
    vendor.say(body)
    refusal(provider, *able)


@pytest.mark.parametrize("body", ["null", "[]", "{}", "[[[[]]]]", '{"data":[]}', '{"results":[]}', '{"values":{}}'])
def test_an_empty_answer_holds_nothing(able: Ability, provider: Provider, vendor: Vendor, body: str) -> None:
    case, ability = able
    vendor.say(body)
    with contextlib.suppress(ProviderError):
        assert count(use(provider, case, ability)) == 0


def test_the_answer_to_another_question_is_not_taken_for_this_one(able: Ability, provider: Provider,
                                                                  vendor: Vendor) -> None:
    case, ability = able
    vendor.say(case.answer)
    with contextlib.suppress(ProviderError):
        found = use(provider, case, ability)
        check(found, provider, case, ability)
        # Where a quote is the bar of a day, or says the company's name, it answers these two truly.
        assert ability in {Capability.OVERVIEW, Capability.DAILY} or count(found) == 0


@pytest.mark.parametrize(("name", "ability"), ABILITIES)
def test_any_answer_gives_sound_records_or_the_one_error(name: str, ability: Capability, vendor: Vendor,
                                                         config: Callable[..., Config]) -> None:
    case: Case = CASES[name]
    provider = case.provider(config, vendor.url)
    answer = case.abilities[ability]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False), st.data())
    def try_one(chance: random.Random, data: st.DataObject) -> None:
        if isinstance(answer, str | bytes):
            body = spoil_text(answer, chance)
        else:
            body = json.dumps(spoil(answer, chance, lambda: data.draw(ODD))).encode()
        if chance.random() < 0.2:
            body = body[:chance.randrange(len(body) + 1)]
        vendor.say(body)
        with contextlib.suppress(ProviderError):
            check(use(provider, case, ability), provider, case, ability)

    try_one()


@needs_recordings
def test_a_recorded_error_is_the_same_error_whatever_was_asked(able: Ability, provider: Provider,
                                                               vendor: Vendor) -> None:
    case, ability = able
    for name, (status, kind) in case.errors.items():
        vendor.say((RECORDINGS / case.recordings / name).read_bytes(), status)
        if kind is ErrorKind.UNKNOWN_SYMBOL:  # that a question has no answer is none, too
            with contextlib.suppress(ProviderError):
                assert count(use(provider, case, ability)) == 0 or ability is Capability.OVERVIEW, name
        else:
            assert refusal(provider, case, ability).kind is kind, name


@needs_recordings
def test_any_recording_gives_sound_records_or_the_one_error(able: Ability, provider: Provider,
                                                            vendor: Vendor) -> None:
    case, ability = able
    for path in sorted((RECORDINGS / case.recordings).iterdir()) if case.recordings else ():
        vendor.say(path.read_bytes())
        with contextlib.suppress(ProviderError):
            check(use(provider, case, ability), provider, case, ability)
