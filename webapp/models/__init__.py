"""Every table, so that migrations and queries find them in one import."""

from webapp.models.account import User, UserSession
from webapp.models.market import Close, FeedVersion, InstrumentRow, MarketSession, QuoteGap, QuoteRow, SplitRow, Tick
from webapp.models.trust import Finding, HeldQuote, QuoteFinding
from webapp.models.upkeep import JobRun, ProviderCall, ProviderState, RefreshPlan, StreamState, SymbolSearch
from webapp.models.watchlist import Watchlist, WatchlistItem

__all__ = [
    "Close", "FeedVersion", "Finding", "HeldQuote", "InstrumentRow", "JobRun", "MarketSession", "ProviderCall",
    "ProviderState", "QuoteFinding", "QuoteGap", "QuoteRow", "RefreshPlan", "SplitRow", "StreamState", "SymbolSearch",
    "Tick", "User", "UserSession", "Watchlist", "WatchlistItem",
]
