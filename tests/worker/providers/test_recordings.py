"""What Alpha Vantage really sent, over the years, as others kept it."""

from collections.abc import Callable

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from webapp.records import Quote
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.base import ErrorKind, ProviderError

FOLDER = RECORDINGS / "alphavantage"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared")

PRICES = [
    ("global_quote_IBM_crazzyghost2020", "IBM", "121.7400", "121.2300", 2_528_814),
    ("global_quote_IBM_negative_2021", "IBM", "142.7600", "144.0700", 2_799_201),
    ("global_quote_codespore2021", "TSLA", "729.4000", "719.6900", 27_879_033),
    ("global_quote_GSAC_zero_volume_2021", "GSAC", "0.0040", "0.0040", 0),
]

ERRORS = [
    ("empty_global_quote", ErrorKind.UNKNOWN_SYMBOL),
    ("error_information_1persecond", ErrorKind.THROTTLED_SECOND),
    ("error_information_burst_5persecond", ErrorKind.THROTTLED_SECOND),
    ("error_note_5permin_kevwk314", ErrorKind.THROTTLED_MINUTE),
    ("error_information_higher_volume_kevwk314", ErrorKind.THROTTLED_MINUTE),
    ("error_information_25perday", ErrorKind.THROTTLED_DAY),
    ("error_information_premium_endpoint", ErrorKind.NOT_ENTITLED),
    ("error_information_outputsize_full_premium", ErrorKind.NOT_ENTITLED),
    ("error_invalid_call_CMO_kevwk314", ErrorKind.UNKNOWN_SYMBOL),
    ("error_message_invalid_call_daily", ErrorKind.UNKNOWN_SYMBOL),
    ("global_quote_delayed_key_partial", ErrorKind.BROKEN_ANSWER),  # it lacks all but the price
]


def play(vendor: Vendor, config: Callable[..., Config], body: bytes, symbol: str) -> list[Quote]:
    vendor.say(body)
    provider = AlphaVantage(config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url))
    return provider.quotes([stock(symbol)], at("2026-11-20 12:00"), new_york("2020-01-01", "2021-12-31"))


@pytest.mark.parametrize(("name", "symbol", "price", "previous", "volume"), PRICES)
def test_a_recorded_quote_is_read(vendor: Vendor, config: Callable[..., Config], name: str, symbol: str, price: str,
                                  previous: str, volume: int) -> None:
    [quote] = play(vendor, config, (FOLDER / f"{name}.json").read_bytes(), symbol)
    assert (str(quote.price), str(quote.previous_close), quote.volume) == (price, previous, volume)


@pytest.mark.parametrize(("name", "kind"), ERRORS)
def test_a_recorded_error_is_recognised(vendor: Vendor, config: Callable[..., Config], name: str,
                                        kind: ErrorKind) -> None:
    with pytest.raises(ProviderError) as caught:
        play(vendor, config, (FOLDER / f"{name}.json").read_bytes(), "IBM")
    assert caught.value.kind is kind


def test_no_other_recording_becomes_a_price(vendor: Vendor, config: Callable[..., Config]) -> None:
    known = {name for name, *_ in PRICES} | {name for name, _ in ERRORS}
    others = [path for path in sorted(FOLDER.iterdir()) if path.stem not in known]
    assert others
    for path in others:
        with pytest.raises(ProviderError) as caught:
            play(vendor, config, path.read_bytes(), "IBM")
        assert caught.value.kind in {ErrorKind.BROKEN_ANSWER, ErrorKind.NOT_ENTITLED}, path.name
