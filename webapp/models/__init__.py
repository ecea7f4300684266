"""Every table, so that migrations and queries find them in one import."""

from webapp.models.account import User, UserSession
from webapp.models.market import FeedVersion, InstrumentRow, MarketSession, QuoteGap, QuoteRow, Tick
from webapp.models.upkeep import JobRun, ProviderCall, ProviderState
from webapp.models.watchlist import Watchlist, WatchlistItem

__all__ = [
    "FeedVersion", "InstrumentRow", "JobRun", "MarketSession", "ProviderCall", "ProviderState", "QuoteGap",
    "QuoteRow", "Tick", "User", "UserSession", "Watchlist", "WatchlistItem",
]
