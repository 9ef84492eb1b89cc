"""Requests that must succeed, for the operations on what is lent and on the inventory."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.flows.desk import WEBHOOK, Desk, Maker, Ready
from tests.flows.inventory_elsewhere import CONNECTION
from tests.flows.lending import Lending, in_days

_REASON: Final = {"reason": "Not needed"}


def _of(make: Callable[[Lending], str], body: Any = None) -> Maker:
    """A technician's request about what ``make`` makes."""
    return lambda desk: Ready(desk.approver, {"id": make(desk.lending)}, body)


def _managed(make: Callable[[Lending], str], body: Any = None) -> Maker:
    """An inventory manager's request about what ``make`` makes."""
    return lambda desk: Ready(desk.admin, {"id": make(desk.lending)}, body)


def _own(make: Callable[[Lending], str], body: Any = None) -> Maker:
    """The custodian's request about what ``make`` makes."""
    return lambda desk: Ready(desk.member, {"id": make(desk.lending)}, body)


def _allocate(desk: Desk) -> Ready:
    requisition_id, line_id = desk.wanted()
    path = {"id": requisition_id, "line_id": line_id}
    return Ready(desk.approver, path, {"asset_id": desk.lending.printer()})


def _deallocate(desk: Desk) -> Ready:
    requisition_id, line_id, assignment_id = desk.allocated()
    path = {"id": requisition_id, "line_id": line_id}
    return Ready(desk.approver, path, {"assignment_id": assignment_id, **_REASON})


def _transfer(desk: Desk) -> Ready:
    to = {"kind": "location", "id": desk.lending.shelf.place}
    return Ready(desk.approver, {"id": desk.lending.active()}, {"to": to})


def _change_assignment(desk: Desk) -> Ready:
    path, day = {"id": desk.lending.active()}, in_days(30)[:10]
    return Ready(desk.approver, path, {"end_date": day}, {"If-Match": '"3"'})


def _assign_asset(desk: Desk) -> Ready:
    return Ready(desk.approver, {"id": desk.lending.printer()}, {"person_id": desk.member.id})


def _of_a_printer(**more: Any) -> Maker:
    def make(desk: Desk) -> Ready:
        asset = {"asset_id": desk.lending.printer(), "location_id": desk.lending.shelf.place}
        return Ready(desk.approver, body={**asset, **more})

    return make


def _create_asset(desk: Desk) -> Ready:
    body = {"model_id": desk.lending.shelf.model, "serial_number": desk.name()}
    return Ready(desk.admin, body=body)


def _create_model(desk: Desk) -> Ready:
    category_id = desk.lending.shelf.category
    body = {"name": desk.name(), "tracking_type": "serialized", "category_id": category_id}
    return Ready(desk.admin, body=body)


def _link(desk: Desk) -> Ready:
    body = {"kind": "location", "external_id": desk.elsewhere.room()}
    return Ready(desk.elsewhere.manager, body=body)


def _unlink(desk: Desk) -> Ready:
    elsewhere = desk.elsewhere
    headers = {"If-Match": f'"{elsewhere.version()}"'}
    return Ready(elsewhere.manager, {"id": elsewhere.mapped_room()}, headers=headers)


def _change_webhook(desk: Desk) -> Ready:
    # A test message makes a version, and its receipt says which.
    version = desk.admin.post(f"/webhooks/{desk.webhook_id}/test")["version"]
    headers = {"If-Match": f'"{version}"'}
    return Ready(desk.admin, {"id": desk.webhook_id}, {"description": desk.name()}, headers)


def _remove_webhook(desk: Desk) -> Ready:
    return Ready(desk.admin, {"id": desk.webhook()}, headers={"If-Match": '"1"'})


def _of_the_webhook(body: Any = None) -> Maker:
    return lambda desk: Ready(desk.admin, {"id": desk.webhook_id}, body)


CUSTODY_MAKERS: Final[Mapping[str, Maker]] = {
    "allocate_line": _allocate,
    "deallocate_line": _deallocate,
    "create_assignment": lambda desk: Ready(desk.approver, body=desk.lending.to_lend()),
    "issue_assignment": _of(Lending.reserved),
    "cancel_reservation": _of(Lending.reserved, _REASON),
    "accept_assignment": _own(Lending.active, {"terms": "I will bring it back."}),
    "decline_assignment": _own(Lending.active, _REASON),
    "request_extension": _own(Lending.active, {"due": in_days(14)}),
    "approve_extension": _of(Lending.longer),
    "refuse_extension": _of(Lending.longer, _REASON),
    "return_assignment": _of(Lending.active, {"units": [{"condition": "damaged"}]}),
    "close_assignment": _of(Lending.active),
    "report_loss": _own(Lending.active, {"kind": "stolen"}),
    "confirm_loss": _managed(Lending.lost),
    "recover_assignment": _of(Lending.lost),
    "transfer_assignment": _transfer,
    "resolve_drift": _managed(Lending.drifted, {"how": "external_return"}),
    "change_assignment": _change_assignment,
    "assign_asset": _assign_asset,
    "create_asset_assignment": _of_a_printer(),
    "create_asset_circulation": _of_a_printer(circulation_type="issue"),
    "create_asset_model": _create_model,
    "create_asset": _create_asset,
    "change_asset": _managed(Lending.printer, {"name": "By the window"}),
    "delete_asset": _managed(Lending.printer),
    "restore_asset": _managed(Lending.printer),
    "archive_asset": _managed(Lending.printer),
    "retire_asset": _managed(Lending.printer),
    "dispose_asset": _managed(Lending.printer),
    "mark_asset_lost": _managed(Lending.printer),
    "mark_asset_stolen": _managed(Lending.printer),
    "set_inventory_connection": lambda desk: Ready(desk.elsewhere.manager, body=CONNECTION),
    "link_inventory_mapping": _link,
    "unlink_inventory_mapping": _unlink,
    "retry_inventory_operation": _managed(Lending.falling_short, _REASON),
    "resolve_inventory_operation": _managed(Lending.falling_short, _REASON),
    "abandon_inventory_operation": _managed(Lending.falling_short, _REASON),
    "read_notification": lambda desk: Ready(desk.member, {"id": desk.notification_id}),
    "read_all_notifications": lambda desk: Ready(desk.member, body={}),
    "choose_notifications": lambda desk: Ready(
        desk.member, body={"overdue": {"in_app": True, "email": False}}
    ),
    "add_webhook": lambda desk: Ready(desk.admin, body=WEBHOOK),
    "change_webhook": _change_webhook,
    "remove_webhook": _remove_webhook,
    "rotate_webhook_secret": _of_the_webhook({"keep_previous_h": 1}),
    "test_webhook": _of_the_webhook(),
}
