"""What the workers write to their log, with every secret taken out."""

import logging

from config import Config
from webapp.redaction import redacted, secrets_of


class RedactingFormatter(logging.Formatter):
    """Writes a record, traceback and all, without the values of the settings that are secret."""

    def __init__(self, secrets: list[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self.secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return redacted(super().format(record), self.secrets)


def set_up(settings: Config) -> None:
    """Log to stderr. Of the libraries only warnings: RQ has several lines a second, Alembic one per plug-in."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets_of(settings)))
    logging.basicConfig(level=settings.LOG_LEVEL.upper(), handlers=[handler], force=True)
    if settings.LOG_LEVEL != "debug":
        for name in ("rq", "rq_scheduler", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
