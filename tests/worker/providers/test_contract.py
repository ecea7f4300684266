"""What holds for every vendor, whatever it answers: records or the one error, and never a price that is none."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import pkgutil
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers import cases
from tests.worker.providers.case import Case
from tests.worker.providers.conftest import KEY, Vendor, stock
from webapp.records import Quote, Session, State
from worker.providers.base import ErrorKind, Provider, ProviderError

CASES = {module.name: importlib.import_module(f"{cases.__name__}.{module.name}").CASE
         for module in pkgutil.iter_modules(cases.__path__)}


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    """Each vendor."""
    found: Case = CASES[request.param]
    return found


@pytest.fixture
def provider(case: Case, vendor: Vendor, config: Callable[..., Config]) -> Provider:
    """The vendor's provider; its server gives the good answer."""
    vendor.say(case.answer)
    return case.provider(config, vendor.url)


def ask(provider: Provider, case: Case) -> Quote:
    [quote] = provider.quotes([case.instrument], case.now, case.book)
    return quote


def refusal(provider: Provider, case: Case) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        provider.quotes([case.instrument], case.now, case.book)
    error = caught.value
    shown = f"{error.message} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert KEY not in shown
    assert "http:" not in shown.lower()
    return error


def test_a_good_answer_is_a_whole_quote(provider: Provider, case: Case) -> None:
    quote = ask(provider, case)
    assert (str(quote.price), quote.instrument_id, quote.source) == (case.price, case.instrument.id, provider.name)
    assert quote.as_of.utcoffset() is not None
    assert quote.as_of <= case.now
    assert quote.stale_at is not None
    assert quote.state in {State.LIVE, State.DELAYED, State.PRE, State.POST, State.CLOSED, State.END_OF_DAY}
    assert quote.session in set(Session)
    for price in (quote.previous_close, quote.open, quote.high, quote.low, quote.bid, quote.ask):
        assert price is None or price > 0


def test_one_use_is_one_call(provider: Provider, case: Case, vendor: Vendor) -> None:
    ask(provider, case)
    assert len(vendor.calls) == 1
    assert provider.quotes([], case.now, case.book) == []
    assert len(vendor.calls) == 1
    with pytest.raises(ValueError, match="a call"):
        provider.quotes([stock(number=number) for number in range(provider.batch_size + 1)], case.now, case.book)


def test_a_vendor_says_what_it_can(provider: Provider, case: Case) -> None:
    assert provider.covers(case.instrument)
    assert not provider.covers(stock("X", "XXXX"))
    assert provider.name == provider.name.lower()
    assert provider.title
    assert provider.delay in {State.END_OF_DAY, State.DELAYED, State.LIVE}
    assert provider.limits != type(provider.limits)(), "a free plan has limits"
    assert KEY not in repr(provider) + str(vars(provider).get("limits"))


@pytest.mark.parametrize("name", ["zero", "negative"])
def test_what_is_no_price_is_never_one(provider: Provider, case: Case, vendor: Vendor, name: str) -> None:
    vendor.say(getattr(case, name))
    assert refusal(provider, case).kind in {ErrorKind.BROKEN_ANSWER, ErrorKind.UNKNOWN_SYMBOL}


@pytest.mark.parametrize("body", [
    "", "null", "[]", "{}", "[[[[]]]]", '{"a":', "<html>Sorry</html>", "7", '"7"', b"\xff\xfe", "[" * 5000])
def test_an_answer_without_a_price_is_an_error(provider: Provider, case: Case, vendor: Vendor,
                                               body: str | bytes) -> None:
    vendor.say(body)
    refusal(provider, case)


@pytest.mark.parametrize(("status", "kinds"), [
    (401, {ErrorKind.BAD_KEY}), (429, {ErrorKind.THROTTLED_MINUTE, ErrorKind.THROTTLED_HOUR, ErrorKind.THROTTLED_DAY}),
    (500, {ErrorKind.UNREACHABLE}), (503, {ErrorKind.UNREACHABLE}), (302, {ErrorKind.BROKEN_ANSWER}),
])
def test_a_status_is_understood_without_a_word(provider: Provider, case: Case, vendor: Vendor, status: int,
                                               kinds: set[ErrorKind]) -> None:
    vendor.say("", status, {"Location": "/elsewhere", "Retry-After": "77"})
    error = refusal(provider, case)
    assert error.kind in kinds
    if status == 429:
        assert error.retry_after is not None
        assert error.retry_after.total_seconds() >= 77 or error.kind is not ErrorKind.THROTTLED_MINUTE
    assert len(vendor.calls) == 1


def test_a_vendor_that_hangs_is_left_after_a_while(provider: Provider, case: Case, vendor: Vendor) -> None:
    vendor.hang()
    assert refusal(provider, case).kind is ErrorKind.UNREACHABLE


def test_the_key_is_in_no_log(provider: Provider, case: Case, vendor: Vendor,
                              caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(provider, case)
    vendor.say("", 500)
    refusal(provider, case)
    assert KEY not in caplog.text


ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, "", "NaN", "1e400", -1, 0, "0", [], {}, "x" * 500, True, 10**30, "1e-30", "Infinity", "99999999999999999999",
    1.5e300, "2026-13-45", "\x00", "5 USD"])


def spoil(value: Any, chance: random.Random, odd: Callable[[], Any]) -> Any:
    """Return the answer with some of its parts replaced by others."""
    if chance.random() < 0.08:
        return odd()
    if isinstance(value, dict):
        return {key: spoil(part, chance, odd) for key, part in value.items() if chance.random() > 0.03}
    if isinstance(value, list):
        return [spoil(part, chance, odd) for part in value]
    return value


@pytest.mark.parametrize("name", sorted(CASES))
def test_any_answer_is_a_sound_quote_or_the_one_error(name: str, vendor: Vendor, config: Callable[..., Config]) -> None:
    case: Case = CASES[name]
    provider = case.provider(config, vendor.url)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False), st.data())
    def check(chance: random.Random, data: st.DataObject) -> None:
        answer = case.answer
        body = json.dumps(spoil(answer, chance, lambda: data.draw(ODD))).encode() if not isinstance(
            answer, str | bytes) else spoil_text(answer, chance)
        if chance.random() < 0.2:
            body = body[:chance.randrange(len(body) + 1)]
        vendor.say(body)
        with contextlib.suppress(ProviderError):
            for quote in provider.quotes([case.instrument], case.now, case.book):
                assert quote.price.is_finite()
                assert quote.price > 0
                assert quote.as_of <= case.now

    check()


def spoil_text(text: str | bytes, chance: random.Random) -> bytes:
    """Return the text with some of its bytes changed."""
    body = bytearray(text if isinstance(text, bytes) else text.encode())
    for _ in range(chance.randrange(6)):
        body[chance.randrange(len(body))] = chance.choice(b'0-9{}[],:"\xff a')
    return bytes(body)


needs_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="needs ../shared")


@needs_recordings
def test_recorded_quotes_are_read(case: Case, vendor: Vendor, config: Callable[..., Config]) -> None:
    provider = case.provider(config, vendor.url)
    for name, (instrument, price) in case.prices.items():
        vendor.say((RECORDINGS / case.recordings / name).read_bytes())
        [quote] = provider.quotes([instrument], case.recorded_at, case.book)
        assert str(quote.price) == price, name


@needs_recordings
def test_recorded_errors_are_recognised(case: Case, vendor: Vendor, config: Callable[..., Config]) -> None:
    provider = case.provider(config, vendor.url)
    for name, (status, kind) in case.errors.items():
        vendor.say((RECORDINGS / case.recordings / name).read_bytes(), status)
        assert refusal(provider, case).kind is kind, name


@needs_recordings
def test_no_other_recording_becomes_a_price(case: Case, vendor: Vendor, config: Callable[..., Config]) -> None:
    provider = case.provider(config, vendor.url)
    folder = RECORDINGS / case.recordings
    for path in sorted(folder.iterdir()) if case.recordings else ():
        if path.name not in case.prices:
            vendor.say(path.read_bytes())
            refusal(provider, case)
