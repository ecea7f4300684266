"""The documentation is whole: every setting is in the README's table, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_table_of_settings_has_exactly_what_the_code_reads() -> None:
    code = (ROOT / "config.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env(?:_\w+)?\("([A-Z_]+)"', code))
    told = {name for row in re.findall(r"^\| (`[A-Z_`, ]+`) \|", README, re.M) for name in re.findall(r"[A-Z_]+", row)}
    assert told == read


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]
