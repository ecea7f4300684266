"""Every setting of Stagewatch, grouped by subject and read from the environment once, at start."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent


class ConfigError(Exception):
    """A setting is missing or unusable; the message says which one and what to do."""


def env(name: str, default: str = "") -> str:
    """Read a text setting; an empty variable counts as unset."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    """Read a yes/no setting."""
    text = env(name, "yes" if default else "no").lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ConfigError(f"{name} is {text!r}: set it to yes or no.")


def env_int(name: str, default: int, least: int = 0) -> int:
    """Read a whole number that is at least `least`."""
    text = env(name, str(default))
    try:
        value = int(text)
    except ValueError:
        raise ConfigError(f"{name} is {text!r}: set it to a whole number.") from None
    if value < least:
        raise ConfigError(f"{name} is {value}: set it to {least} or more.")
    return value


def env_secret(name: str) -> str:
    """Read a secret from NAME, or from the file that NAME_FILE names (as container secrets are given)."""
    path = env(f"{name}_FILE")
    if not path:
        return env(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from None


def env_url(name: str, default: str) -> str:
    """Read an address, without the slash at its end."""
    return env(name, default).rstrip("/")


def env_words(name: str) -> tuple[str, ...]:
    """Read words with commas between them, in lower case."""
    return tuple(word for part in env(name).lower().split(",") if (word := part.strip()))


def env_limit(name: str, default: str) -> str:
    """Read how often somebody may ask, like 600 per minute."""
    text = env(name, default)
    if not re.fullmatch(r"[1-9]\d{0,8} per (\d{1,4} )?(second|minute|hour|day)s?", text):
        raise ConfigError(f"{name} is {text!r}: write it like '600 per minute'.")
    return text


def env_origins(name: str) -> tuple[str, ...]:
    """Read origins of pages, like https://charts.example.org, with commas between them; * is every one."""
    found = env_words(name)
    for each in found:
        if each != "*" and not re.fullmatch(r"https?://[a-z0-9.-]+(:\d{1,5})?", each):
            raise ConfigError(f"{name} names {each!r}: write origins like https://charts.example.org, or *.")
    return found


def env_choice(name: str, choices: tuple[str, ...]) -> str:
    """Read a setting that has a few possible words; the first is the default."""
    text = env(name, choices[0]).lower()
    if text not in choices:
        raise ConfigError(f"{name} is {text!r}: set it to {' or '.join(choices)}.")
    return text


def database_url(instance: Path) -> str:
    """Name the database: PostgreSQL where DATABASE_URL says so, else SQLite in the instance folder."""
    url = env_secret("DATABASE_URL") or f"sqlite:///{instance / 'stagewatch.db'}"
    if url.startswith("postgres://"):
        url = url.replace("postgres://", "postgresql://", 1)
    if not url.startswith(("postgresql://", "postgresql+psycopg://", "sqlite:///")):
        raise ConfigError("DATABASE_URL must start with postgresql:// or sqlite:///.")
    return url


# Each vendor with the setting that turns it on; live prices first, those of a day last.
VENDORS = {"alpaca": "ALPACA_API_KEY", "finnhub": "FINNHUB_API_KEY", "twelve-data": "TWELVE_DATA_API_KEY",
           "tiingo": "TIINGO_API_KEY", "yahoo": "YAHOO", "massive": "MASSIVE_API_KEY", "fmp": "FMP_API_KEY",
           "alpha-vantage": "ALPHA_VANTAGE_API_KEY", "csv": "CSV_DIR"}


class Config:
    """The settings, one attribute each. Subclasses in tests set attributes in place of variables."""

    # What is never written to a log or a page.
    SECRETS: ClassVar = (
        "SECRET_KEY", "SMTP_PASSWORD", "DATABASE_URL", "REDIS_URL", "ALPHA_VANTAGE_API_KEY", "FINNHUB_API_KEY",
        "TWELVE_DATA_API_KEY", "TIINGO_API_KEY", "ALPACA_API_KEY", "ALPACA_API_SECRET", "MASSIVE_API_KEY",
        "FMP_API_KEY")

    def __init__(self) -> None:
        """Read the environment; raise ConfigError at the first setting that cannot be used."""
        # The place
        self.PRODUCTION = env_choice("APP_ENV", ("development", "production")) == "production"
        self.INSTANCE_DIR = Path(env("INSTANCE_DIR", str(ROOT / "instance"))).resolve()
        self.HOST = env("HOST", "127.0.0.1")
        self.PORT = env_int("PORT", 8000, least=1)
        self.BASE_URL = env("BASE_URL", f"http://{self.HOST}:{self.PORT}").rstrip("/")
        self.TRUSTED_PROXIES = env_int("TRUSTED_PROXIES", 0)
        self.WEB_WORKERS = env_int("WEB_WORKERS", 1, least=1)
        self.LOG_LEVEL = env_choice("LOG_LEVEL", ("info", "debug", "warning", "error"))

        # Secrets and cookies
        self.SECRET_KEY = env_secret("SECRET_KEY") or self._kept_secret()
        self.SESSION_COOKIE_NAME = "stagewatch"
        self.SESSION_COOKIE_HTTPONLY = True
        self.SESSION_COOKIE_SAMESITE = "Lax"
        self.SESSION_COOKIE_SECURE = self.PRODUCTION or self.BASE_URL.startswith("https:")
        self.REMEMBER_COOKIE_NAME = "stagewatch_remember"
        self.REMEMBER_COOKIE_HTTPONLY = True
        self.REMEMBER_COOKIE_SAMESITE = "Lax"
        self.REMEMBER_COOKIE_SECURE = self.SESSION_COOKIE_SECURE
        self.REMEMBER_DAYS = env_int("REMEMBER_DAYS", 30, least=1)
        self.WTF_CSRF_TIME_LIMIT = None  # the token lives as long as the session it is bound to

        # Database and Redis
        self.SQLALCHEMY_DATABASE_URI = database_url(self.INSTANCE_DIR)
        self.REDIS_URL = env_secret("REDIS_URL")

        # Accounts
        self.REGISTRATION_OPEN = env_bool("REGISTRATION_OPEN", True)
        self.LOGIN_THROTTLE = env_bool("LOGIN_THROTTLE", True)
        self.LOGIN_LIMIT_ACCOUNT = env("LOGIN_LIMIT_ACCOUNT", "10 per 15 minutes")
        self.LOGIN_LIMIT_ADDRESS = env("LOGIN_LIMIT_ADDRESS", "50 per 15 minutes")

        # Mail
        self.SMTP_HOST = env("SMTP_HOST")
        self.SMTP_PORT = env_int("SMTP_PORT", 587, least=1)
        self.SMTP_USER = env("SMTP_USER")
        self.SMTP_PASSWORD = env_secret("SMTP_PASSWORD")
        self.SMTP_TLS = env_choice("SMTP_TLS", ("starttls", "tls", "none"))
        self.MAIL_FROM = env("MAIL_FROM", "Stagewatch <stagewatch@localhost>")

        # Market data
        self._read_vendors()
        self._read_api()
        # A worker that waits for a vendor keeps no other vendor waiting; more than four hang together hardly ever. One
        # more is for past prices: they are fetched, imported and reckoned with for minutes at times.
        self.JOB_WORKERS = env_int("JOB_WORKERS", max(3, min(len(self.vendors) + 2, 5)), least=1)
        self.CLOSURES_FILE = env("CLOSURES_FILE", str(self.INSTANCE_DIR / "closures.csv"))
        self.SIMULATOR_SEED = env_int("SIMULATOR_SEED", 1)
        self.SIMULATOR_CLOCK = env_choice("SIMULATOR_CLOCK", ("always", "market"))
        self.REFRESH_SECONDS = env_int("REFRESH_SECONDS", 2, least=1)
        self.TICK_DAYS = env_int("TICK_DAYS", 7, least=1)
        self.TICK_ROWS = env_int("TICK_ROWS", 2_000_000, least=1_000)
        self.MINUTE_DAYS = env_int("MINUTE_DAYS", 30, least=1)

        # The stream
        self.STREAM_WINDOW_MS = env_int("STREAM_WINDOW_MS", 200, least=20)
        self.STREAMS_PER_PROCESS = env_int("STREAMS_PER_PROCESS", 20_000, least=1)
        self.STREAMS_PER_ACCOUNT = env_int("STREAMS_PER_ACCOUNT", 50, least=1)
        self.STREAMS_PER_ADDRESS = env_int("STREAMS_PER_ADDRESS", 500, least=1)

        # Uploads and pages
        self.MAX_CONTENT_LENGTH = 1024 * 1024
        self.MAX_FORM_MEMORY_SIZE = 512 * 1024
        self.UPLOAD_MB = env_int("UPLOAD_MB", 64, least=1)

    def _read_vendors(self) -> None:
        """Read each vendor's key, address and limits as shipped for its free plan; a limit of 0 is none."""
        self.PROVIDERS = env_words("PROVIDERS")
        if unknown := [name for name in self.PROVIDERS if name not in VENDORS]:
            raise ConfigError(f"PROVIDERS names {unknown[0]!r}: there are {', '.join(VENDORS)}.")
        self.ALPACA_API_KEY = env_secret("ALPACA_API_KEY")
        self.ALPACA_API_SECRET = env_secret("ALPACA_API_SECRET")
        if self.ALPACA_API_KEY and not self.ALPACA_API_SECRET:
            raise ConfigError("ALPACA_API_SECRET is missing: Alpaca gives a key and a secret, and asks for both.")
        self.ALPACA_URL = env_url("ALPACA_URL", "https://data.alpaca.markets")
        self.ALPACA_CALLS_PER_MINUTE = env_int("ALPACA_CALLS_PER_MINUTE", 200)
        self.ALPACA_STREAM_URL = env_url("ALPACA_STREAM_URL", "wss://stream.data.alpaca.markets/v2/iex")
        self.ALPACA_STREAM_SYMBOLS = env_int("ALPACA_STREAM_SYMBOLS", 30)
        self.FINNHUB_API_KEY = env_secret("FINNHUB_API_KEY")
        self.FINNHUB_URL = env_url("FINNHUB_URL", "https://finnhub.io/api/v1")
        self.FINNHUB_CALLS_PER_MINUTE = env_int("FINNHUB_CALLS_PER_MINUTE", 60)
        self.FINNHUB_STREAM_URL = env_url("FINNHUB_STREAM_URL", "wss://ws.finnhub.io")
        self.FINNHUB_STREAM_SYMBOLS = env_int("FINNHUB_STREAM_SYMBOLS", 50)
        self.TWELVE_DATA_API_KEY = env_secret("TWELVE_DATA_API_KEY")
        self.TWELVE_DATA_URL = env_url("TWELVE_DATA_URL", "https://api.twelvedata.com")
        self.TWELVE_DATA_CALLS_PER_MINUTE = env_int("TWELVE_DATA_CALLS_PER_MINUTE", 8)
        self.TWELVE_DATA_CALLS_PER_DAY = env_int("TWELVE_DATA_CALLS_PER_DAY", 800)
        self.TIINGO_API_KEY = env_secret("TIINGO_API_KEY")
        self.TIINGO_URL = env_url("TIINGO_URL", "https://api.tiingo.com")
        self.TIINGO_CALLS_PER_HOUR = env_int("TIINGO_CALLS_PER_HOUR", 50)
        self.TIINGO_CALLS_PER_DAY = env_int("TIINGO_CALLS_PER_DAY", 1000)
        self.YAHOO = env_bool("YAHOO", False)
        self.YAHOO_URL = env_url("YAHOO_URL", "https://query2.finance.yahoo.com")
        self.YAHOO_CALLS_PER_MINUTE = env_int("YAHOO_CALLS_PER_MINUTE", 30)
        if self.YAHOO and self.yahoo_itself and find_spec("yfinance") is None:
            raise ConfigError("YAHOO=yes needs yfinance, which is not installed: run 'make install-yahoo', or set "
                              "YAHOO=no.")
        self.CSV_DIR = env("CSV_DIR")
        if self.CSV_DIR and not Path(self.CSV_DIR).is_dir():
            raise ConfigError(f"CSV_DIR names {self.CSV_DIR}, which is not a folder.")
        self.MASSIVE_API_KEY = env_secret("MASSIVE_API_KEY")
        self.MASSIVE_URL = env_url("MASSIVE_URL", "https://api.massive.com")
        self.MASSIVE_CALLS_PER_MINUTE = env_int("MASSIVE_CALLS_PER_MINUTE", 5)
        self.FMP_API_KEY = env_secret("FMP_API_KEY")
        self.FMP_URL = env_url("FMP_URL", "https://financialmodelingprep.com")
        self.FMP_CALLS_PER_DAY = env_int("FMP_CALLS_PER_DAY", 250)
        self.ALPHA_VANTAGE_API_KEY = env_secret("ALPHA_VANTAGE_API_KEY")
        self.ALPHA_VANTAGE_URL = env_url("ALPHA_VANTAGE_URL", "https://www.alphavantage.co")
        self.ALPHA_VANTAGE_CALLS_PER_DAY = env_int("ALPHA_VANTAGE_CALLS_PER_DAY", 25)
        self.ALPHA_VANTAGE_CALLS_PER_MINUTE = env_int("ALPHA_VANTAGE_CALLS_PER_MINUTE", 0)
        self.ALPHA_VANTAGE_ENTITLEMENT = env_choice("ALPHA_VANTAGE_ENTITLEMENT", ("none", "delayed", "realtime"))

    def _read_api(self) -> None:
        """Read who may use the API, and how often."""
        self.API_PUBLIC = env_bool("API_PUBLIC", True)
        self.API_LIMIT_TOKEN = env_limit("API_LIMIT_TOKEN", "600 per minute")
        self.API_LIMIT_ADDRESS = env_limit("API_LIMIT_ADDRESS", "120 per minute")
        self.API_FRESH_SECONDS = env_int("API_FRESH_SECONDS", 1)
        self.API_CORS_ORIGINS = env_origins("API_CORS_ORIGINS")

    def _kept_secret(self) -> str:
        """Return the key that the first start wrote; production names its own."""
        if self.PRODUCTION:
            raise ConfigError("SECRET_KEY is missing: set SECRET_KEY or SECRET_KEY_FILE, for example to the "
                              "output of: python3 -c 'import secrets; print(secrets.token_hex(32))'")
        path = self.INSTANCE_DIR / "secret_key"
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise ConfigError(f"{path} is missing: run 'make install', or set SECRET_KEY.") from None
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None

    @property
    def vendors(self) -> tuple[str, ...]:
        """Return the vendors that have a key: first those that PROVIDERS names, in its order."""
        ordered = dict.fromkeys((*self.PROVIDERS, *VENDORS))
        return tuple(name for name in ordered if getattr(self, VENDORS[name]))

    @property
    def streaming(self) -> dict[str, int]:
        """Return how many stocks each vendor with a key may stream, in the order of `vendors`; {} without a stream."""
        return {name: most for name in self.vendors if (most := self.stream_places(name))}

    def stream_places(self, vendor: str) -> int:
        """Return how many stocks a vendor's web socket may carry; 0 where it has none, or is turned off."""
        prefix = VENDORS.get(vendor, "").removesuffix("_API_KEY")
        return getattr(self, f"{prefix}_STREAM_SYMBOLS", 0)

    def calls_per_day(self, vendor: str) -> int | None:
        """Return how many calls a day the plan has; None where it has no such limit."""
        prefix = VENDORS.get(vendor, "").removesuffix("_API_KEY")
        return getattr(self, f"{prefix}_CALLS_PER_DAY", 0) or None

    @property
    def yahoo_itself(self) -> bool:
        """Tell whether calls go to Yahoo itself, which answers only what looks like a browser."""
        try:
            host = urlsplit(self.YAHOO_URL).hostname or ""
        except ValueError:
            return False
        return host == "yahoo.com" or host.endswith(".yahoo.com")

    @property
    def simulated(self) -> bool:
        """Tell whether prices come from the simulator, because no vendor has a key."""
        return not self.vendors

    @property
    def redacted_database(self) -> str:
        """Name the database without its password, for logs."""
        parts = urlsplit(self.SQLALCHEMY_DATABASE_URI)
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
