"""Form fields that several features use."""

from __future__ import annotations

from typing import Any

from wtforms import IntegerField

# As many as 2**31 has: no place, no number of stocks and no id of the database has more.
MOST_DIGITS = 10


class WholeNumber(IntegerField):
    """A whole number of up to ten digits.

    What is longer is no number here: the checks of a range reckon in floats, which end at some 300 digits.
    """

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number."""
        if valuelist and len(valuelist[0].strip().lstrip("+-")) > MOST_DIGITS:
            self.data: Any = None
            raise ValueError(self.gettext("Not a valid integer value."))
        super().process_formdata(valuelist)
