"""How a stock may be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.markets import EXCHANGES
from webapp.notation import Reading, canonical, readings


@pytest.mark.parametrize(("text", "symbol"), [
    ("aapl", "AAPL"), (" AAPL ", "AAPL"), ("$AAPL", "AAPL"), ("BRK.B", "BRK.B"), ("brk-b", "BRK.B"), ("BRK/B", "BRK.B"),
    ("VOLV_B", "VOLV.B"), ("7203", "7203")])
def test_a_plain_symbol_may_be_on_any_exchange(text: str, symbol: str) -> None:
    assert readings(text)[0] == Reading(symbol)


@pytest.mark.parametrize(("text", "symbol", "mics"), [
    ("NASDAQ:AAPL", "AAPL", {"XNAS"}), ("XNAS:AAPL", "AAPL", {"XNAS"}), ("nyse:brk-b", "BRK.B", {"XNYS"}),
    ("LSE:BP.", "BP", {"XLON"}), ("AMEX:SPY", "SPY", {"ARCX", "XASE"}), ("TSX:T", "T", {"XTSE"}),
    ("TSE:7203", "7203", {"XTKS"}), ("HKEX:700", "0700", {"XHKG"}), ("XHKG:00700", "0700", {"XHKG"}),
    ("EURONEXT:MC", "MC", {"XPAR", "XAMS", "XBRU", "XLIS"})])
def test_a_word_before_the_colon_names_the_exchange(text: str, symbol: str, mics: set[str]) -> None:
    assert readings(text) == [Reading(symbol, frozenset(mics))]


@pytest.mark.parametrize(("text", "symbol", "mic"), [
    ("TSCO.L", "TSCO", "XLON"), ("TSCO.LON", "TSCO", "XLON"), ("tsco.lon", "TSCO", "XLON"), ("SHOP.TO", "SHOP", "XTSE"),
    ("SHOP.TRT", "SHOP", "XTSE"), ("SAP.DE", "SAP", "XETR"), ("SAP.DEX", "SAP", "XETR"), ("BT-A.L", "BT.A", "XLON"),
    ("0700.HK", "0700", "XHKG"), ("7203.T", "7203", "XTKS"), ("MC.PA", "MC", "XPAR"), ("CBA.AX", "CBA", "XASX")])
def test_a_suffix_names_the_exchange_as_yahoo_and_alpha_vantage_write_it(text: str, symbol: str, mic: str) -> None:
    assert Reading(symbol, frozenset({mic})) in readings(text)


@pytest.mark.parametrize("text", ["", " ", ":", "NASDAQ:", ":AAPL", "NOWHERE:AAPL", "...", "$", "ﬀ", "ＡＡＰＬ", "ß"])  # noqa: RUF001
def test_what_cannot_be_a_symbol_has_no_meaning(text: str) -> None:
    assert readings(text) == []


def test_a_share_class_is_not_taken_for_an_exchange() -> None:
    assert readings("BRK.B") == [Reading("BRK.B")]


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading(text: str) -> None:
    for reading in readings(text):
        assert reading.symbol
        assert reading.symbol == canonical(reading.symbol)
        assert reading.mics is None or reading.mics <= EXCHANGES.keys()
