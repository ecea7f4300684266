"""Alpha Vantage, for the contract."""

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, global_quote, new_york, stock
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.base import ErrorKind

CASE = Case(
    make=AlphaVantage, keys=["ALPHA_VANTAGE_API_KEY"], url="ALPHA_VANTAGE_URL",
    answer=global_quote(), price="121.7400",
    zero=global_quote(price="0.0000"), negative=global_quote(price="-121.7400"),
    instrument=stock(), now=at("2020-05-08 22:00"), book=new_york("2020-05-01", "2020-05-15"),
    recordings="alphavantage",
    prices={
        "global_quote_IBM_crazzyghost2020.json": (stock(), "121.7400"),
        "global_quote_IBM_negative_2021.json": (stock(), "142.7600"),
        "global_quote_codespore2021.json": (stock("TSLA", "XNAS"), "729.4000"),
        "global_quote_GSAC_zero_volume_2021.json": (stock("GSAC", "XNAS"), "0.0040"),
    },
    errors={
        "empty_global_quote.json": (200, ErrorKind.UNKNOWN_SYMBOL),
        "error_information_1persecond.json": (200, ErrorKind.THROTTLED_SECOND),
        "error_information_burst_5persecond.json": (200, ErrorKind.THROTTLED_SECOND),
        "error_note_5permin_kevwk314.json": (200, ErrorKind.THROTTLED_MINUTE),
        "error_information_higher_volume_kevwk314.json": (200, ErrorKind.THROTTLED_MINUTE),
        "error_information_25perday.json": (200, ErrorKind.THROTTLED_DAY),
        "error_information_premium_endpoint.json": (200, ErrorKind.NOT_ENTITLED),
        "error_information_outputsize_full_premium.json": (200, ErrorKind.NOT_ENTITLED),
        "error_invalid_call_CMO_kevwk314.json": (200, ErrorKind.UNKNOWN_SYMBOL),
        "error_message_invalid_call_daily.json": (200, ErrorKind.UNKNOWN_SYMBOL),
    })
