"""Which events a webhook wants: names and patterns of names."""

import re
from collections.abc import Iterable
from typing import Final

from domain.errors import InvalidField

PATTERN_LIMIT: Final = 50
_PATTERN: Final = re.compile(r"\*|[a-z][a-z_]*\.(\*|[a-z][a-z_]*(\.v[1-9][0-9]*)?)")

OFFERED: Final = frozenset(
    {"requisition", "assignment", "item_book", "inventory_operation", "project", "approval_policy"}
)
"""The first words of the names that can be asked for: what happens to people's accounts, roles
and sessions leaves the system by no webhook."""

TEST: Final = "webhook.test_requested.v1"
"""The event that its own webhook gets, whatever it asks for."""


def check_patterns(patterns: tuple[str, ...]) -> None:
    """Raise ``InvalidField`` for a list of patterns that no event could match."""
    if not 1 <= len(patterns) <= PATTERN_LIMIT:
        raise InvalidField(("events",), f"From 1 to {PATTERN_LIMIT} patterns.")
    for index, pattern in enumerate(patterns):
        kind = pattern.partition(".")[0]
        if not _PATTERN.fullmatch(pattern) or kind not in {"*", *OFFERED}:
            raise InvalidField(
                ("events", index),
                "A pattern looks like requisition.approved, requisition.approved.v1,"
                f" requisition.* or *; offered are {', '.join(sorted(OFFERED))}.",
            )


def wants(patterns: Iterable[str], topic: str) -> bool:
    """Whether one of the patterns stands for an event of this name, in any version if none is said."""
    if topic.partition(".")[0] not in OFFERED:
        return False
    name = topic.rpartition(".v")[0]
    kind = topic.partition(".")[0]
    return any(pattern in ("*", f"{kind}.*", name, topic) for pattern in patterns)
