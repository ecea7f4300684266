import pytest

from webapp.records import Listing, currency_of, unit_of
from worker.providers.directories import (
    ENDINGS,
    by_ending,
    country_from,
    figi_of,
    kind_of,
    mic_of,
    money_of,
    symbol_of,
    text_of,
    unit_from,
    website_of,
    without_repeats,
)


@pytest.mark.parametrize(("sent", "text"), [
    ("  Apple   Inc. ", "Apple Inc."), ("A\nB\tC\x00D", "A B C D"), ("Société Générale", "Société Générale"),
    ("None", ""), ("-", ""), (None, ""), (7, ""), (["x"], ""), ("x" * 400, "x" * 300)])
def test_a_text_is_one_line_that_can_be_shown(sent: object, text: str) -> None:
    assert text_of(sent) == text


@pytest.mark.parametrize(("sent", "symbol"), [
    ("AAPL", "AAPL"), ("brk-b", "BRK.B"), ("BRK/B", "BRK.B"), ("BF.B", "BF.B"), ("164A", "164A"), ("-P-HIZ", ""),
    ("", ""), (None, ""), ("EUR USD", ""), ("ÄÖ", ""), ("X" * 25, ""), ("^GSPC", "")])
def test_a_symbol_is_canonical_or_none(sent: object, symbol: str) -> None:
    assert symbol_of(sent) == symbol


@pytest.mark.parametrize(("sent", "mic"), [
    ("XNYS", "XNYS"), ("XNGS", "XNAS"), ("XNCM", "XNAS"), ("xnms", "XNAS"), ("NYSE", "XNYS"), ("OTC", ""), (None, ""),
    ("PINX", "")])
def test_an_exchange_is_one_of_ours_or_none(sent: object, mic: str) -> None:
    assert mic_of(sent, {"NYSE": "XNYS", "OTC": "PINX"}) == mic


@pytest.mark.parametrize(("sent", "unit"), [
    ("USD", "USD"), ("usd", "USD"), ("GBp", "GBX"), ("GBX", "GBX"), ("GBP", "GBP"), ("ZAc", "ZAC"), ("ILA", "ILA"),
    (None, ""), ("dollars", "")])
def test_pence_are_no_pounds(sent: object, unit: str) -> None:
    assert unit_from(sent) == unit


@pytest.mark.parametrize(("sent", "kind"), [
    ("Common Stock", "stock"), ("EQS", "stock"), ("ETF", "etf"), ("Exchange-Traded Note", "etf"), ("ETP", "etf"),
    ("Mutual Fund", "fund"), ("Closed-end Fund", "fund"), ("Warrant", "warrant"), ("Preferred Stock", "preferred"),
    ("American Depositary Receipt", "stock"), ("REIT", "stock"), ("Right", "right"), ("Unit", "unit"),
    ("Index", "index"), ("Digital Currency", "crypto"), ("Bond", "bond"), ("Physical Currency", "currency"),
    ("", "stock"), (None, "stock"), ("Structured Product", "other")])
def test_a_kind_is_one_of_ours(sent: object, kind: str) -> None:
    assert kind_of(sent, {"EQS": "stock"}) == kind


@pytest.mark.parametrize(("unit", "stored", "currency"), [
    ("GBp", "GBX", "GBP"), ("GBX", "GBX", "GBP"), ("ZAc", "ZAC", "ZAR"), ("ILa", "ILA", "ILS"), ("GBP", "", "GBP"),
    ("USD", "", "USD")])
def test_a_hundredth_is_never_stored_as_the_whole(unit: str, stored: str, currency: str) -> None:
    assert (unit_of(unit), currency_of(unit)) == (stored, currency)


@pytest.mark.parametrize(("sent", "found"), [
    ("7203.T", ("7203", "XTKS")), ("5.HK", ("0005", "XHKG")), ("TSCO.L", ("TSCO", "XLON")), ("BRK.B", ("", "")),
    ("AAPL", ("", "")), (".T", ("", "")), (None, ("", ""))])
def test_an_ending_names_the_exchange(sent: object, found: tuple[str, str]) -> None:
    assert by_ending(sent) == found


def test_an_ending_that_is_a_share_class_is_no_exchange() -> None:
    assert not set(ENDINGS) & set("ABCDEGHIJKMNOPQRSUWXYZ")


@pytest.mark.parametrize(("sent", "address"), [
    ("https://www.apple.com", "https://www.apple.com"), ("www.apple.com", "https://www.apple.com"),
    ("javascript:alert(1)", ""), ('https://a.b/"onclick', ""), (None, ""), ("ftp://a.b.c", "")])
def test_an_address_is_one_of_the_web(sent: object, address: str) -> None:
    assert website_of(sent) == address


def test_an_amount_may_come_in_millions() -> None:
    assert money_of("14687.36", 1_000_000) == 14_687_360_000
    assert money_of("0") is None
    assert money_of("-5") is None
    assert money_of([]) is None


def test_a_listing_stands_once() -> None:
    first, again = Listing("A", "XNYS", "Agilent"), Listing("A", "XNYS", "Agilent Technologies")
    assert without_repeats([first, None, again, Listing("A", "XNAS", "A")]) == [first, Listing("A", "XNAS", "A")]


def test_a_country_has_two_letters_or_is_the_exchanges() -> None:
    assert country_from("us") == "US"
    assert country_from("Germany", "XNYS") == "DE"
    assert country_from(None, "XLON") == "GB"
    assert country_from("Narnia") == ""


def test_a_share_classs_name_is_a_figi() -> None:
    assert figi_of("", None, "BBG001S5N8V8", "BBG000B9XRY4") == "BBG001S5N8V8"
    assert figi_of("037833100AAA", "") == ""
