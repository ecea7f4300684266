"""Jobs that end badly, for the tests of the page about jobs; a worker finds them by their names."""

from __future__ import annotations


def fail(words: str = "it went wrong") -> None:
    """Fail with these words."""
    raise ValueError(words)


def mail(address: str) -> None:
    """Fail as a mail server makes it, with the address in what is said, and a statement with values."""
    raise RuntimeError(f"550 {address} is refused\n[SQL: SELECT 1]\n[parameters: ('{address}',)]\nredis://:hush@host/0")
