"""Words are found by their beginning: as a range, which an index serves."""


def after_all(prefix: str) -> str:
    """The first text, in the order of code points, after all that begin with ``prefix``."""
    last = ord(prefix[-1])
    # Surrogates are no text; nothing comes after the last code point.
    following = 0xE000 if last == 0xD7FF else min(last + 1, 0x10FFFF)  # noqa: PLR2004
    return prefix[:-1] + chr(following)
