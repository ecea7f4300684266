"""Chooses where prices come from."""

from collections.abc import Callable
from typing import TypeVar

from config import Config
from worker.providers.alpaca import Alpaca
from worker.providers.alpha_vantage_minutes import make_alpha_vantage
from worker.providers.base import Provider
from worker.providers.csv_files import CsvFiles
from worker.providers.finnhub import Finnhub
from worker.providers.fmp import Fmp
from worker.providers.massive import Massive
from worker.providers.simulator import Simulator
from worker.providers.tiingo import Tiingo
from worker.providers.twelve_data import TwelveData
from worker.providers.yahoo import Yahoo

Able = TypeVar("Able", bound=Provider)

MAKERS: dict[str, Callable[[Config], Provider]] = {
    "alpaca": Alpaca, "finnhub": Finnhub, "twelve-data": TwelveData, "tiingo": Tiingo, "massive": Massive, "fmp": Fmp,
    "alpha-vantage": make_alpha_vantage, "yahoo": Yahoo, "csv": CsvFiles}


def providers_with(config: Config, ability: type[Able]) -> list[Able]:
    """Return the active providers that can do what a protocol of base.py names, the preferred one first."""
    return [provider for provider in active_providers(config) if isinstance(provider, ability)]


def active_providers(config: Config) -> list[Provider]:
    """Return the providers that have a key, the preferred one first; else the simulator."""
    return [MAKERS[name](config) for name in config.vendors] or [Simulator(config)]
