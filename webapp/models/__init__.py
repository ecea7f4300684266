"""Every table, so that migrations and queries find them in one import."""

from webapp.models.account import ApiToken, Invitation, RecoveryCode, Scope, User, UserSession
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
from webapp.models.market import (
    Close,
    FeedVersion,
    InstrumentRow,
    MarketSession,
    QuoteGap,
    QuoteRow,
    SplitRow,
    Tick,
    VendorSymbol,
)
from webapp.models.trust import Finding, HeldQuote, QuoteFinding
from webapp.models.upkeep import (
    AuditEntry,
    JobRun,
    ProviderCall,
    ProviderState,
    RefreshPlan,
    SiteSetting,
    StreamState,
    SymbolSearch,
)
from webapp.models.watchlist import Watchlist, WatchlistItem

__all__ = [
    "ApiToken", "AuditEntry", "BarChunk", "BarFault", "BarFinding", "BarRepair", "BarSeries", "Close", "DividendRow",
    "FaultState", "FeedVersion", "Finding", "HeldQuote", "IngestRun", "InstrumentRow", "Invitation", "JobRun",
    "MarketSession", "ProviderCall", "ProviderState", "QuoteFinding", "QuoteGap", "QuoteRow", "RecoveryCode",
    "RefreshPlan", "RunState", "SavedScreen", "Scope", "SiteSetting", "Snapshot", "SplitRow", "StageCount", "StageWeek",
    "StreamState", "SymbolSearch", "Tick", "TradingYear", "UnreadablePast", "User", "UserSession", "VendorSymbol",
    "Watchlist", "WatchlistItem",
]
