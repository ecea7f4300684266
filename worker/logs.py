"""What the workers write to their log, with every secret taken out."""

import logging

from config import Config

# Anything shorter keeps no secret, and is part of ordinary words.
SHORTEST_SECRET = 6


class RedactingFormatter(logging.Formatter):
    """Writes a record, traceback and all, without the values of the settings that are secret."""

    def __init__(self, secrets: list[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self.secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(record)
        for secret in self.secrets:
            line = line.replace(secret, "***")
        return line


def set_up(settings: Config) -> None:
    """Log to stderr. Of the libraries only warnings: RQ has several lines a second, Alembic one per plug-in."""
    secrets = [value for name in settings.SECRETS if len(value := str(getattr(settings, name, ""))) >= SHORTEST_SECRET]
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets))
    logging.basicConfig(level=settings.LOG_LEVEL.upper(), handlers=[handler], force=True)
    if settings.LOG_LEVEL != "debug":
        for name in ("rq", "rq_scheduler", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
