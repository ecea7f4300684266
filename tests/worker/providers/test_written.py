"""What holds for every vendor: a symbol that an admin maps is asked for, and its answer is the stock's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from config import Config
from tests.worker.providers.case import Case
from tests.worker.providers.conftest import Vendor, refusal, stock
from tests.worker.providers.test_abilities import count, use
from tests.worker.providers.test_contract import CASES
from worker.providers.base import Capability, ErrorKind
from worker.providers.csv_files import CsvFiles
from worker.providers.massive import Massive
from worker.providers.rest import RestProvider

NUMBER = 77


@pytest.fixture(params=sorted(CASES))
def original(request: pytest.FixtureRequest) -> Case:
    """Each vendor."""
    found: Case = CASES[request.param]
    return found


@pytest.fixture
def case(original: Case) -> Case:
    """The vendor, asked for a stock that is here called otherwise."""
    called = dataclasses.replace(original.instrument, id=NUMBER, symbol="OURNAME")
    return dataclasses.replace(original, instrument=called)


@pytest.fixture
def provider(case: Case, vendor: Vendor, config: Callable[..., Config]) -> RestProvider:
    """The vendor's provider; its server gives the good answer."""
    vendor.say(case.answer)
    made = case.provider(config, vendor.url)
    assert isinstance(made, RestProvider)
    return made


def asked(vendor: Vendor) -> str:
    return " ".join([*map(unquote, vendor.paths), *(" ".join(call.values()) for call in vendor.calls)])


def test_the_price_of_a_mapped_symbol_is_the_stock_s(
        provider: RestProvider, original: Case, case: Case, vendor: Vendor) -> None:
    symbol = provider.symbol_of(original.instrument)
    provider.written = {NUMBER: symbol}
    [quote] = provider.quotes([case.instrument], case.now, case.book)
    assert (quote.instrument_id, str(quote.price)) == (NUMBER, case.price)
    assert symbol in asked(vendor)
    assert "OURNAME" not in asked(vendor)


def test_whatever_else_a_vendor_can_do_it_does_for_the_mapped_symbol(
        provider: RestProvider, original: Case, case: Case, vendor: Vendor) -> None:
    provider.written = {NUMBER: provider.symbol_of(original.instrument)}
    for ability, answer in case.abilities.items():
        if ability not in {Capability.SEARCH, Capability.LISTING}:
            vendor.say(answer)
            assert count(use(provider, case, ability)) > 0, ability
    assert "OURNAME" not in asked(vendor)


def test_a_stock_that_the_vendor_does_not_have_is_not_asked_for(
        provider: RestProvider, case: Case, vendor: Vendor) -> None:
    provider.written = {NUMBER: ""}
    assert not provider.covers(case.instrument)
    assert refusal(lambda: provider.quotes([case.instrument], case.now, case.book)).kind is ErrorKind.UNKNOWN_SYMBOL
    assert vendor.calls == []


def test_small_letters_count_only_where_the_vendor_has_some(
        provider: RestProvider, case: Case) -> None:
    provider.written = {NUMBER: "ABCpA"}
    assert provider.symbol_of(case.instrument) == ("ABCpA" if isinstance(provider, Massive) else "ABCPA")


def test_a_file_may_have_any_name_but_no_other_folder(config: Callable[..., Config], tmp_path: Path) -> None:
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "facebook.csv").write_text("Date,Open,High,Low,Close,Volume\n2026-06-09,1,2,1,2,100\n")
    (tmp_path / "SECRET.csv").write_text("Date,Open,High,Low,Close,Volume\n2026-06-09,1,2,1,2,100\n")
    provider = CsvFiles(config(CSV_DIR=str(folder)))
    called = stock("META", "XNAS", number=NUMBER)
    assert not provider.covers(called)
    provider.written = {NUMBER: "Facebook"}
    assert provider.covers(called)
    case: Case = CASES["finnhub"]
    [quote] = provider.quotes([called], case.now, case.book)
    assert (quote.instrument_id, str(quote.price)) == (NUMBER, "2")
    for symbol in ("../SECRET", "", "/etc/passwd"):
        provider.written = {NUMBER: symbol}
        assert not provider.covers(called)
