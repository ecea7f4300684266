"""Secrets are taken out of logs and tracebacks."""

from __future__ import annotations

from flask import Flask

from webapp.redaction import HIDDEN, redacted, secrets_of, without_people


def test_passwords_of_addresses_are_hidden_as_written_and_decoded(app: Flask) -> None:
    settings = app.config["SETTINGS"]
    settings.SQLALCHEMY_DATABASE_URI = "postgresql+psycopg://me:pass%2Fword@db/stagewatch"
    settings.REDIS_URL = "redis://:queue-secret@cache:6379/0"
    text = redacted("no pg_hba entry for pass/word or pass%2Fword at redis://:queue-secret@cache", secrets_of(settings))
    assert "word" not in text
    assert "queue-secret" not in text
    assert text.count(HIDDEN) == 3


def test_a_database_without_a_password_hides_nothing(app: Flask) -> None:
    settings = app.config["SETTINGS"]
    assert settings.SQLALCHEMY_DATABASE_URI in redacted(settings.SQLALCHEMY_DATABASE_URI, secrets_of(settings))


def test_people_and_values_of_statements_are_hidden_on_pages() -> None:
    text = without_people("INSERT failed for bob@example.com at redis://u:p@cache\n[parameters: ('secret',)]")
    assert text == f"INSERT failed for (an address) at redis://{HIDDEN}@cache\n[parameters: ...]"
