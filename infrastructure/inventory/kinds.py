"""The kinds of things that the inventory knows, and the table in which each is mirrored."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, LiteralString

TABLES: Final[Mapping[str, LiteralString]] = MappingProxyType(
    {
        "asset": "assets",
        "model": "models",
        "accessory": "accessories",
        "consumable": "consumables",
        "location": "locations",
        "status_label": "status_labels",
        "category": "categories",
        "supplier": "suppliers",
        "company": "companies",
        "user": "users",
    }
)
"""Of each kind as mapping ids name it, the table of the schema ``inventory``."""
