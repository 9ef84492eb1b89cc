"""Reduces a dump of a Snipe-IT server to the size of a demo.

    python -m demo.snipe_it_simulator.reduce DUMP_FOLDER demo/data/snipe-it-inventory.json.gz

``DUMP_FOLDER`` holds one ``<endpoint>.json.gz`` each for hardware, hardware-archived, models,
users…, as the list endpoints gave them: ``{"total": N, "rows": [...]}``. The same dump gives
the same file, byte by byte. Kept are, for each model, a few assets of each state, everybody
who holds one of them, some people who hold nothing, and every row those point to.
"""

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]

WHOLE_TABLES = (
    "models",
    "locations",
    "statuslabels",
    "categories",
    "manufacturers",
    "suppliers",
    "companies",
    "accessories",
    "consumables",
)
PER_STATE = 2
"""Assets of each model in each state: free, with a user, at a location, pending, archived."""
IDLE_USERS = 25
FIRST_USER = 1
"""The user whose token the demo uses."""


def reduce(full: Tables) -> Tables:
    """The demo's tables, as the simulator loads them."""
    assets = _some_assets([*full["hardware"], *full["hardware-archived"]])
    users = _their_users(full["users"], assets)
    kept = {name: full[name] for name in WHOLE_TABLES}
    kept["hardware"] = assets
    kept["users"] = users
    kept["fieldsets"] = _fieldsets(full["models"], [*full["hardware"], *full["hardware-archived"]])
    kept["activity"] = _their_activity(full["activity"], assets, users)
    return kept


def whole(full: Tables) -> Tables:
    """Everything, as the simulator loads it: for measurements."""
    assets = [*full["hardware"], *full["hardware-archived"]]
    kept = {name: full[name] for name in (*WHOLE_TABLES, "users", "activity")}
    return {**kept, "hardware": assets, "fieldsets": _fieldsets(full["models"], assets)}


def read_folder(folder: Path) -> Tables:
    """All tables of a dump."""
    return {
        path.name.removesuffix(".json.gz"): json.loads(gzip.decompress(path.read_bytes()))["rows"]
        for path in sorted(folder.glob("*.json.gz"))
    }


def write(tables: Tables, path: Path) -> None:
    """Write tables as one compressed file without a time stamp."""
    text = json.dumps(tables, sort_keys=True, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _some_assets(rows: Iterable[Row]) -> list[Row]:
    """The first assets of each model and state; of those with users, one to a user."""
    counts: dict[tuple[int, str], int] = defaultdict(int)
    holders: set[int] = set()
    found = []
    for row in sorted(rows, key=lambda one: one["id"]):
        holder = row["assigned_to"] or {"type": "", "id": 0}
        state = (row["model"]["id"], f"{row['status_label']['status_meta']} {holder['type']}")
        if counts[state] == PER_STATE or holder["id"] in holders:
            continue
        if holder["type"] == "user":
            holders.add(holder["id"])
        counts[state] += 1
        found.append(row)
    return found


def _their_users(rows: list[Row], assets: list[Row]) -> list[Row]:
    """Whoever holds an asset, the token's owner, and the first of those who hold nothing."""
    holders = [one["assigned_to"] for one in assets if one["assigned_to"]]
    wanted = {FIRST_USER, *(one["id"] for one in holders if one["type"] == "user")}
    idle = [one["id"] for one in rows if one["assets_count"] == 0 and one["location"]]
    wanted |= set(idle[:IDLE_USERS])
    return [
        {**one, "manager": _if_kept(one["manager"], wanted)} for one in rows if one["id"] in wanted
    ]


def _if_kept(ref: Row | None, wanted: set[int]) -> Row | None:
    return ref if ref is not None and ref["id"] in wanted else None


def _fieldsets(models: list[Row], assets: list[Row]) -> list[Row]:
    """The custom fields of each fieldset; how a field is entered stands with the assets only."""
    entered = {
        field["field"]: field["element"]
        for one in assets
        for field in (one["custom_fields"] or {}).values()
    }
    found = {}
    for model in models:
        if model["fieldset"]:
            found[model["fieldset"]["id"]] = {
                **model["fieldset"],
                "fields": [
                    {
                        "name": field["name"],
                        "format": field["format"],
                        "element": entered.get(field["db_column_name"], "text"),
                        "db_column": field["db_column_name"],
                    }
                    for field in model["default_fieldset_values"]
                ],
            }
    return [found[key] for key in sorted(found)]


def _their_activity(rows: list[Row], assets: list[Row], users: list[Row]) -> list[Row]:
    """Report rows all of whose parts are kept."""
    kept = {("asset", one["id"]) for one in assets} | {("user", one["id"]) for one in users}
    return [
        one
        for one in rows
        if all(
            (part["type"], part["id"]) in kept
            for part in (one["item"], one["target"])
            if part is not None and part["type"] in {"asset", "user"}
        )
    ]


def main() -> None:
    """Read the arguments and write the file."""
    parser = argparse.ArgumentParser(prog="python -m demo.snipe_it_simulator.reduce")
    parser.add_argument("dump", type=Path, help="folder with <endpoint>.json.gz files")
    parser.add_argument("target", type=Path, help="file to write, ending in .json.gz")
    parser.add_argument("--whole", action="store_true", help="keep everything, for measurements")
    given = parser.parse_args()
    full = read_folder(given.dump)
    tables = whole(full) if given.whole else reduce(full)
    write(tables, given.target)
    sizes = ", ".join(f"{len(rows)} {name}" for name, rows in sorted(tables.items()))
    print(f"{given.target}: {sizes}")  # noqa: T201 - its one line of output


if __name__ == "__main__":
    main()
