"""The words by which texts are found: the same for those who store them and those who ask."""

import re
from collections.abc import Iterable
from typing import Final

_WORD: Final = re.compile(r"\w+")
_WORD_LIMIT: Final = 40
"""Characters: whoever looks for a longer word finds it by its beginning."""


def words_of(texts: Iterable[str | None]) -> list[str]:
    """The words of texts: case folded, each once, in order."""
    found = {
        word[:_WORD_LIMIT]
        for text in texts
        if text is not None
        for word in _WORD.findall(text.casefold())
    }
    return sorted(found)
