"""What people type, as it is taken: PostgreSQL refuses a zero in a text, and nobody means one."""

from __future__ import annotations

from collections.abc import Mapping


def trimmed(text: str, longest: int) -> str:
    """Return a text without what stands around it, cut to so many characters."""
    return text.replace("\0", "").strip()[:longest]


def argument(args: Mapping[str, str], name: str, longest: int) -> str:
    """Return what an address has at a name, cut to so many characters; "" where it has none."""
    return trimmed(args.get(name, ""), longest)


def one_line(text: str) -> str:
    """Return a text with one space between its words."""
    return " ".join(text.replace("\0", "").split())
