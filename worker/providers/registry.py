"""Chooses where prices come from."""

from config import Config
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.base import Provider
from worker.providers.simulator import Simulator


def active_provider(config: Config) -> Provider:
    """Return the provider that has a key, else the simulator."""
    if config.simulated:
        return Simulator(config)
    return AlphaVantage(config)
