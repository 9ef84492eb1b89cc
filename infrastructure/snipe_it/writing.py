"""Everything the project changes in Snipe-IT.

Each write is sent once and its classed answer handed back: whether to repeat it is the
caller's decision, after reading what became of it. Every write names its operation: in the
User-Agent, which the activity report keeps, and in the note where there is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from infrastructure.snipe_it.answers import Answer
from infrastructure.snipe_it.records import HolderType
from infrastructure.snipe_it.settings import Connection
from infrastructure.snipe_it.transport import Call, Sender

EDITABLE = frozenset(
    {
        "asset_tag",
        "byod",
        "expected_checkin",
        "location_id",
        "model_id",
        "name",
        "notes",
        "order_number",
        "purchase_cost",
        "purchase_date",
        "requestable",
        "rtd_location_id",
        "serial",
        "status_id",
        "supplier_id",
        "warranty_months",
    }
)
"""Asset fields that may be written, custom fields (``_snipeit_…``) aside.

``assigned_*`` must stay out: the server reassigns an asset with them without looking whether
somebody has it.
"""


class FieldNotEditable(ValueError):
    """An asset field that must not be written through the inventory's edit call."""


@dataclass(frozen=True, slots=True)
class Target:
    """Who or what something is checked out to."""

    type: HolderType
    id: int


def operation_note(operation_id: str, text: str = "") -> str:
    """A note that names the operation, so that the activity report can be searched for it.

    Ids of letters, digits and hyphens pass through the server's Markdown unchanged.
    """
    return f"{text} op-{operation_id}".strip()


class Writer:
    """The writes. Each makes one call and answers with its class; none raises for a refusal."""

    def __init__(self, transport: Sender, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection

    async def check_out_asset(
        self,
        asset_id: int,
        to: Target,
        operation_id: str,
        *,
        expected_checkin: date | None = None,
        note: str = "",
    ) -> Answer:
        """Hand an asset over. The server's clock says when: it drops the zone of a given time."""
        body = {
            **_target(to),
            "checkout_to_type": to.type.value,
            "note": operation_note(operation_id, note),
        }
        if expected_checkin is not None:
            body["expected_checkin"] = expected_checkin.isoformat()
        return await self._post(f"/hardware/{asset_id}/checkout", body, operation_id)

    async def check_in_asset(
        self,
        asset_id: int,
        operation_id: str,
        *,
        status_id: int | None = None,
        location_id: int | None = None,
        note: str = "",
    ) -> Answer:
        """Take an asset back from whoever has it: the server does not ask who that is.

        Never sends ``checkin_at``: any date but the server's today answers 500 after the
        check-in was stored.
        """
        body = _given(
            note=operation_note(operation_id, note),
            status_id=status_id,
            location_id=location_id,
        )
        return await self._post(f"/hardware/{asset_id}/checkin", body, operation_id)

    async def change_asset(
        self, asset_id: int, changes: Mapping[str, Any], operation_id: str
    ) -> Answer:
        """Edit fields of an asset. Raises FieldNotEditable before anything is sent.

        A home (``rtd_location_id``) without ``location_id`` moves the asset there as well.
        """
        _check_editable(changes)
        path = f"/hardware/{asset_id}"
        return await self._send("PATCH", path, _plain(changes), operation_id)

    async def create_asset(self, fields: Mapping[str, Any], operation_id: str) -> Answer:
        """Create an asset from ``asset_tag``, ``model_id``, ``status_id`` and other fields.

        It joins the connection's company. Raises FieldNotEditable before anything is sent.
        """
        _check_editable(fields)
        company = _given(company_id=self._connection.company_id)
        return await self._post("/hardware", {**_plain(fields), **company}, operation_id)

    async def delete_asset(self, asset_id: int, operation_id: str) -> Answer:
        """Remove an asset, for as long as nobody restores it.

        The server takes it from whoever has it on the way, and can then no longer restore it:
        look first.
        """
        return await self._transport.send(
            Call("DELETE", f"/hardware/{asset_id}", operation_id=operation_id)
        )

    async def restore_asset(self, asset_id: int, operation_id: str) -> Answer:
        """Bring a removed asset back, as it was. One that is there is refused."""
        return await self._post(f"/hardware/{asset_id}/restore", {}, operation_id)

    async def create_model(self, name: str, category_id: int, operation_id: str) -> Answer:
        """Add a model of assets. Leaves no activity row: only its name tells it."""
        body = {"name": name, "category_id": category_id}
        return await self._post("/models", body, operation_id)

    async def check_out_accessory(
        self,
        accessory_id: int,
        to: Target,
        quantity: int,
        operation_id: str,
        *,
        note: str = "",
    ) -> Answer:
        """Hand out units of an accessory; each becomes a row of its own."""
        body = {
            **_target(to),
            "checkout_to_type": to.type.value,
            "checkout_qty": quantity,
            "note": operation_note(operation_id, note),
        }
        path = f"/accessories/{accessory_id}/checkout"
        return await self._post(path, body, operation_id)

    async def check_in_accessory(
        self, checkout_row_id: int, operation_id: str, *, note: str = ""
    ) -> Answer:
        """Take back the one unit of this checkout row. The id is not the accessory's."""
        body = {"note": operation_note(operation_id, note)}
        path = f"/accessories/{checkout_row_id}/checkin"
        return await self._post(path, body, operation_id)

    async def check_out_consumable(
        self,
        consumable_id: int,
        user_id: int,
        quantity: int,
        operation_id: str,
        *,
        note: str = "",
    ) -> Answer:
        """Give consumables to a user, for good: the server has no way back."""
        body = {
            "assigned_to": user_id,
            "checkout_qty": quantity,
            "note": operation_note(operation_id, note),
        }
        path = f"/consumables/{consumable_id}/checkout"
        return await self._post(path, body, operation_id)

    async def open_maintenance(
        self,
        asset_id: int,
        supplier_id: int,
        maintenance_type: str,
        title: str,
        started_on: date,
        operation_id: str,
        *,
        notes: str = "",
    ) -> Answer:
        """Record a maintenance. Leaves no activity row, so its notes carry the operation."""
        body = {
            "asset_id": asset_id,
            "supplier_id": supplier_id,
            "asset_maintenance_type": maintenance_type,
            "title": title,
            "start_date": started_on.isoformat(),
            "notes": operation_note(operation_id, notes),
        }
        return await self._post("/maintenances", body, operation_id)

    async def close_maintenance(
        self,
        maintenance_id: int,
        completed_on: date,
        operation_id: str,
        *,
        cost: str | None = None,
    ) -> Answer:
        """Complete a maintenance; ``cost`` is decimal text."""
        body = _given(completion_date=completed_on.isoformat(), cost=cost)
        path = f"/maintenances/{maintenance_id}"
        return await self._send("PATCH", path, body, operation_id)

    async def _post(self, path: str, body: Mapping[str, Any], operation_id: str) -> Answer:
        return await self._send("POST", path, body, operation_id)

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any], operation_id: str
    ) -> Answer:
        call = Call(method, path, body=body, operation_id=operation_id)
        return await self._transport.send(call)


def _target(to: Target) -> dict[str, Any]:
    return {f"assigned_{to.type.value}": to.id}


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _check_editable(fields: Mapping[str, Any]) -> None:
    for name in fields:
        if name not in EDITABLE and not name.startswith("_snipeit_"):
            raise FieldNotEditable(name)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in fields.items()
    }
