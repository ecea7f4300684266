"""To which sector a company belongs: whom that is asked, how often, and what is made of the answer."""

from __future__ import annotations

import pytest

from tests.worker.conftest import Clock, make_instrument, watch
from tests.worker.history.archive import Register
from tests.worker.history.conftest import Use
from webapp.extensions import db
from webapp.kinds import SECTORS
from webapp.models import IngestRun, InstrumentRow
from webapp.records import Instrument
from webapp.symbols.starter import read_starter_list
from webapp.vendors import Limits
from worker.history.sectors import OTHER_NAMES, sector_of
from worker.jobs.companies import fetch_sectors
from worker.providers.base import ErrorKind, ProviderError

UNKNOWN = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "The Vendor does not know this symbol.")


@pytest.fixture
def register(use: Use) -> Register:
    """The one provider that knows companies."""
    made = Register(Limits(per_minute=1000))
    use(made)
    return made


def sector(stock: Instrument) -> str:
    return db.session.get_one(InstrumentRow, stock.id, populate_existing=True).sector


@pytest.mark.both_databases
def test_a_watched_stock_gets_its_sector_by_its_usual_name(register: Register) -> None:
    stock, nobody = make_instrument(), make_instrument("NOBODY")
    watch(stock)
    register.sectors["IBM"] = "Technology"
    assert fetch_sectors() == "1 sectors found, 1 stocks without"
    assert (sector(stock), sector(nobody)) == ("Information Technology", "")
    assert register.asked_companies == ["IBM"]
    assert fetch_sectors() == "0 sectors found, 0 stocks without"


@pytest.mark.parametrize("said", ["Aromatherapy", "", UNKNOWN])
def test_whom_it_could_not_be_told_is_asked_again_after_a_month(register: Register, set_clock: Clock,
                                                              said: str | ProviderError) -> None:
    stock = make_instrument()
    watch(stock)
    register.sectors["IBM"] = said
    for _ in range(5):
        fetch_sectors()
        set_clock.pass_by(days=6.1)
    assert len(register.asked_companies) == 1
    assert sector(stock) == ""
    fetch_sectors()
    assert len(register.asked_companies) == 2


def test_the_next_provider_is_asked_where_one_does_not_know(use: Use) -> None:
    first, second = Register(name="first", sectors={"IBM": UNKNOWN}), Register(name="second",
                                                                               sectors={"IBM": "Energy"})
    use(first, second)
    stock = make_instrument()
    watch(stock)
    fetch_sectors()
    assert sector(stock) == "Energy"
    assert {(row.kind, row.source, row.state) for row in db.session.query(IngestRun)} == {
        ("company", "first", "refused"), ("company", "second", "done")}


def test_companies_share_the_calls_of_past_days(register: Register) -> None:
    register.limits = Limits(per_day=10)
    watch(*(make_instrument(f"S{number}") for number in range(5)))
    fetch_sectors()
    assert len(register.asked_companies) == 2


def test_funds_are_known_without_a_call(register: Register) -> None:
    stock = make_instrument("SPDR")
    db.session.get_one(InstrumentRow, stock.id).kind = "etf"
    watch(stock)
    fetch_sectors()
    assert sector(stock) == "Fund"
    assert register.asked_companies == []


def test_every_name_leads_to_a_usual_one() -> None:
    assert set(OTHER_NAMES.values()) == set(SECTORS)
    assert [sector_of(name) for name in SECTORS] == list(SECTORS)
    assert sector_of("  CONSUMER   cyclical ") == "Consumer Discretionary"


def test_every_company_of_the_starter_list_has_a_usual_sector() -> None:
    lines = read_starter_list()
    assert {line["sector"] for line in lines} <= set(SECTORS)
    assert len({line["sector"] for line in lines}) == 11
