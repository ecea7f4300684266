"""Every table, so that migrations and queries find them in one import."""

from webapp.models.account import User, UserSession
from webapp.models.analysis import SavedScreen, Snapshot, StageCount, StageWeek, UnreadablePast
from webapp.models.bars import (
    BarChunk,
    BarFault,
    BarFinding,
    BarRepair,
    BarSeries,
    DividendRow,
    FaultState,
    IngestRun,
    RunState,
    TradingYear,
)
from webapp.models.market import Close, FeedVersion, InstrumentRow, MarketSession, QuoteGap, QuoteRow, SplitRow, Tick
from webapp.models.trust import Finding, HeldQuote, QuoteFinding
from webapp.models.upkeep import JobRun, ProviderCall, ProviderState, RefreshPlan, StreamState, SymbolSearch
from webapp.models.watchlist import Watchlist, WatchlistItem

__all__ = [
    "BarChunk", "BarFault", "BarFinding", "BarRepair", "BarSeries", "Close", "DividendRow", "FaultState",
    "FeedVersion", "Finding", "HeldQuote", "IngestRun", "InstrumentRow", "JobRun", "MarketSession", "ProviderCall",
    "ProviderState", "QuoteFinding", "QuoteGap", "QuoteRow", "RefreshPlan", "RunState", "SavedScreen", "Snapshot",
    "SplitRow", "StageCount", "StageWeek", "StreamState", "SymbolSearch", "Tick", "TradingYear",
    "UnreadablePast", "User", "UserSession", "Watchlist", "WatchlistItem",
]
