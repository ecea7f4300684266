"""Alpha Vantage, for the contract."""

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, global_quote, new_york, stock
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.base import Capability, ErrorKind


def bars(*days: str) -> dict[str, dict[str, str]]:
    """Return rows of a series, one a day."""
    return {day: {"1. open": "121.1000", "2. high": "122.8000", "3. low": "120.9000", "4. close": "121.7400",
                  "5. adjusted close": "118.0100", "6. volume": "2528814", "7. dividend amount": "0.0000"}
            for day in days}


META = {"1. Information": "Prices", "2. Symbol": "IBM", "3. Last Refreshed": "2020-05-08", "4. Time Zone": "US/Eastern"}
DAILY = {"Meta Data": META, "Time Series (Daily)": bars("2020-05-08", "2020-05-07", "2020-05-06")}
WEEKLY = {"Meta Data": META, "Weekly Adjusted Time Series": bars("2020-05-08", "2020-05-01", "2020-04-24")}
SPLITS = {"symbol": "IBM", "data": [{"effective_date": "2019-05-27", "split_factor": "2.0000"},
                                    {"effective_date": "2011-11-04", "split_factor": "0.1000"}]}
DIVIDENDS = {"symbol": "IBM", "data": [
    {"ex_dividend_date": "2020-05-07", "declaration_date": "2020-04-28", "record_date": "2020-05-08",
     "payment_date": "2020-06-10", "amount": "1.63"},
    {"ex_dividend_date": "1999-02-08", "declaration_date": "None", "record_date": "None", "payment_date": "None",
     "amount": "0.22"}]}
SEARCH = {"bestMatches": [
    {"1. symbol": "TSCO.LON", "2. name": "Tesco PLC", "3. type": "Equity", "4. region": "United Kingdom",
     "5. marketOpen": "08:00", "6. marketClose": "16:30", "7. timezone": "UTC+01", "8. currency": "GBX",
     "9. matchScore": "0.7273"},
    {"1. symbol": "TSCDF", "2. name": "Tesco plc", "3. type": "Equity", "4. region": "United States",
     "5. marketOpen": "09:30", "6. marketClose": "16:00", "7. timezone": "UTC-04", "8. currency": "USD",
     "9. matchScore": "0.7143"}]}
LISTING = """symbol,name,exchange,assetType,ipoDate,delistingDate,status
IBM,International Business Machines Corp,NYSE,Stock,1962-01-02,null,Active
BRK-B,Berkshire Hathaway Inc,NYSE,Stock,1996-05-09,null,Active
SPY,SPDR S&P 500 ETF Trust,NYSE ARCA,ETF,1993-01-29,null,Active
"""
OVERVIEW = {"Symbol": "IBM", "AssetType": "Common Stock", "Name": "International Business Machines",
            "Description": "Makes computers.", "Exchange": "NYSE", "Currency": "USD", "Country": "USA",
            "Sector": "TECHNOLOGY", "Industry": "COMPUTER & OFFICE EQUIPMENT", "OfficialSite": "https://www.ibm.com",
            "MarketCapitalization": "119909687000", "PERatio": "22.61", "DividendYield": "0.0486",
            "SharesOutstanding": "896320000"}

CASE = Case(
    make=AlphaVantage, keys=["ALPHA_VANTAGE_API_KEY"], url="ALPHA_VANTAGE_URL",
    answer=global_quote(), price="121.7400",
    zero=global_quote(price="0.0000"), negative=global_quote(price="-121.7400"),
    instrument=stock(), now=at("2020-05-08 22:00"), book=new_york("2020-05-01", "2020-05-15"),
    abilities={Capability.DAILY: DAILY, Capability.WEEKLY: WEEKLY, Capability.SPLITS: SPLITS,
               Capability.DIVIDENDS: DIVIDENDS, Capability.SEARCH: SEARCH, Capability.LISTING: LISTING,
               Capability.OVERVIEW: OVERVIEW},
    recordings="alphavantage",
    prices={
        "global_quote_IBM_crazzyghost2020.json": (stock(), "121.7400"),
        "global_quote_IBM_negative_2021.json": (stock(), "142.7600"),
        "global_quote_IBM_portfoliotree2026.csv": (stock(), "219.3000"),
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
