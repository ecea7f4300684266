"""How text is compared in a search: without case, accents and punctuation, the same in every database."""

import unicodedata

_PUNCTUATION = str.maketrans({"'": "", "’": "", ".": "", ",": "", '"': "", "-": " ", "–": " ", "/": " ", "\0": " "})  # noqa: RUF001


def fold(text: str) -> str:
    """Return the text as a search compares it: L'Oréal S.A. becomes loreal sa."""
    letters = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(plain.casefold().translate(_PUNCTUATION).split())
