"""What holds for every provider."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.conftest import KEY, Vendor, at, global_quote, new_york, stock
from webapp.records import Quote, State
from webapp.vendors import Limits
from worker.providers.base import ErrorKind, Provider, ProviderError
from worker.providers.registry import active_providers

NOW = at("2020-05-08 15:00")
BOOK = new_york("2020-05-01", "2020-05-15")


@pytest.fixture(params=["simulator", "alpha-vantage"])
def provider(request: pytest.FixtureRequest, vendor: Vendor, config: Callable[..., Config]) -> Provider:
    """Each provider, as the settings choose it."""
    vendor.say(global_quote())
    key = KEY if request.param == "alpha-vantage" else ""
    [made] = active_providers(config(ALPHA_VANTAGE_API_KEY=key, ALPHA_VANTAGE_URL=vendor.url))
    assert made.name == request.param
    return made


def prices_of(quote: Quote) -> list[Decimal | None]:
    return [quote.price, quote.previous_close, quote.open, quote.high, quote.low, quote.bid, quote.ask,
            quote.extended_price]


def test_a_provider_says_who_it_is(provider: Provider) -> None:
    assert re.fullmatch(r"[a-z-]{1,32}", provider.name)
    assert provider.title
    assert provider.batch_size >= 1
    assert provider.limits.pause.total_seconds() >= 0
    assert provider.delay in {State.SIMULATED, State.END_OF_DAY, State.DELAYED, State.LIVE}


def test_a_quote_is_whole(provider: Provider) -> None:
    [quote] = provider.quotes([stock(number=7)], NOW, BOOK)
    assert (quote.instrument_id, quote.source, quote.state) == (7, provider.name, provider.delay)
    assert all(price is None or (isinstance(price, Decimal) and price > 0) for price in prices_of(quote))
    assert quote.low is not None
    assert quote.high is not None
    assert quote.low <= quote.price <= quote.high


def test_times_are_aware_and_in_order(provider: Provider) -> None:
    [quote] = provider.quotes([stock()], NOW, BOOK)
    assert quote.stale_at is not None
    assert quote.as_of.utcoffset() is not None
    assert quote.as_of <= NOW < quote.stale_at


def test_no_instrument_is_no_quote_and_no_call(provider: Provider, vendor: Vendor) -> None:
    assert provider.quotes([], NOW, BOOK) == []
    assert vendor.calls == []


def test_a_provider_never_shows_its_key(provider: Provider) -> None:
    assert KEY not in repr(provider) + str(provider) + repr(provider.limits)


@pytest.mark.parametrize(("kind", "permanent"), [
    (ErrorKind.BAD_KEY, True), (ErrorKind.NOT_ENTITLED, True), (ErrorKind.UNKNOWN_SYMBOL, True),
    (ErrorKind.THROTTLED_SECOND, False), (ErrorKind.THROTTLED_MINUTE, False), (ErrorKind.THROTTLED_DAY, False),
    (ErrorKind.BROKEN_ANSWER, False), (ErrorKind.UNREACHABLE, False),
])
def test_an_error_knows_whether_it_passes(kind: ErrorKind, permanent: bool) -> None:
    assert ProviderError(kind, "why").permanent is permanent


def test_limits_without_a_pace_need_no_pause() -> None:
    assert Limits().pause.total_seconds() == 0
    assert Limits(per_second=4).pause.total_seconds() == 0.25
