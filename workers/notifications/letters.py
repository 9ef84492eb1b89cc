"""Letters: what happened, to what, and what to do next. Plain, short, and written when it is sent.

Names come from the identity tables and the mirror at that moment, so a letter never shows one that
somebody has meanwhile changed or erased.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.notifications.kinds import Kind
from infrastructure.notifications.delivery_store import Addressee, Claimed, DeliveryStore
from infrastructure.notifications.outcomes import Never, NotWanted, Outcome
from infrastructure.notifications.smtp import Letter, Mailer, one_line

_PURPOSE_LIMIT: Final = 80
_PLACES: Final = {
    "requisition": "requisitions",
    "assignment": "assignments",
    "inventory_operation": "inventory/operations",
}
_KINDS_OF_ITEM: Final = {
    "asset": "an asset",
    "accessory": "an accessory",
    "consumable": "a consumable",
}

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A letter's subject, and its sentences."""

    subject: str
    lines: tuple[str, ...]


class Letters:
    """Writes and hands in letters. ``public_url`` is what links begin with; None: no links."""

    def __init__(self, store: DeliveryStore, mailer: Mailer, public_url: str | None) -> None:
        self._store = store
        self._mailer = mailer
        self._public_url = None if public_url is None else public_url.rstrip("/")

    async def send(self, claimed: Claimed) -> Outcome:
        """Send a letter and say what became of it. Raises ``StoreUnavailable``, ``ClaimLost``."""
        addressee = await self._store.addressee(claimed.tenant_id, claimed.recipient_id)
        if addressee is None:
            return NotWanted("the recipient is no member of the tenant any longer")
        say = _SAY.get(claimed.kind)
        if say is None:
            return Never(f"no letter is known for {claimed.kind}")
        data = claimed.content["data"]
        said = say(data, await self._item(claimed, data))
        claimed.check()
        return await self._mailer.send(
            Letter(claimed.id, addressee.email, said.subject, self._text(said, claimed, addressee))
        )

    async def _item(self, claimed: Claimed, data: Data) -> str:
        item = data.get("item") or {}
        kind, id = item.get("kind", ""), item.get("id")
        name = None
        if id is not None:
            name = await self._store.item_name(claimed.tenant_id, kind, id)
        what = one_line(name) if name else _KINDS_OF_ITEM.get(kind, "something")
        quantity = data.get("quantity", 1)
        return what if quantity == 1 else f"{quantity} pieces of {what}"

    def _text(self, said: Said, claimed: Claimed, addressee: Addressee) -> str:
        paragraphs = [f"Hello {one_line(addressee.username)},", "\n".join(said.lines)]
        place = _PLACES.get(claimed.content["aggregate_kind"])
        if self._public_url is not None and place is not None:
            paragraphs.append(f"{self._public_url}/{place}/{claimed.content['aggregate_id']}")
        paragraphs.append(
            f"Quartermaster, {one_line(addressee.tenant_name)}\n"
            "You choose in your notification preferences what is sent to you."
        )
        return "\n\n".join(paragraphs) + "\n"


def _requisition_decided(data: Data, _: str) -> Said:
    name = f"“{_short(data['purpose'])}”"
    outcome, next_step = _DECISIONS[data["decision"]]
    lines = [f"Your requisition {name} {outcome}."]
    if data["reason"]:
        lines.append(f"Reason: {one_line(data['reason'])}")
    return Said(f"Your requisition {name} {outcome}", (*lines, next_step))


def _ready_to_collect(data: Data, item: str) -> Said:
    lines = [
        f"{_capital(item)} is reserved for you and can be collected from {_day(data['from'])}."
    ]
    if data["due"]:
        lines.append(f"It is due back on {_day(data['due'])}.")
    return Said(f"Ready to collect: {item}", (*lines, "Please come to the desk to collect it."))


def _due_soon(data: Data, item: str) -> Said:
    when = "today" if data["day"] == 0 else f"on {_day(data['due'])}"
    return Said(
        f"Due {when}: {item}",
        (f"{_capital(item)} is due back {when}.", "Please bring it back, or ask for an extension."),
    )


def _overdue(data: Data, item: str) -> Said:
    late = "1 day" if data["day"] == 1 else f"{data['day']} days"
    return Said(
        f"Overdue by {late}: {item}",
        (
            f"{_capital(item)} was due back on {_day(data['due'])} and is overdue by {late}.",
            "Please have it brought back to the desk at once.",
        ),
    )


def _returned(data: Data, item: str) -> Said:
    if not data["outstanding"]:
        return Said(
            f"Returned: {item}", (f"{_capital(item)} was returned.", "Nothing is left to do.")
        )
    return Said(
        f"Returned in part: {item}",
        (
            f"{data['returned']} of {item} came back.",
            f"You still have {data['outstanding']}; please bring back the rest in time.",
        ),
    )


def _declined(data: Data, item: str) -> Said:
    return Said(
        f"Declined: {item}",
        (
            f"Whoever was given {item} does not want it: {one_line(data['reason'])}",
            "They have it until it is taken back. Please see to that.",
        ),
    )


def _sync_needs_attention(data: Data, item: str) -> Said:
    about = "" if data["operation"] is None else f" ({str(data['operation']).replace('_', ' ')})"
    reason = one_line(str(data["reason"])).replace("_", " ")
    disagreement = f"The inventory and Quartermaster do not agree on {item}{about}: {reason}."
    return Said(
        f"The inventory needs your attention: {reason}",
        (disagreement, "Please look at it, then retry, resolve or abandon it."),
    )


_DECISIONS: Final = {
    "approved": ("was approved", "You are told when something is ready to be collected."),
    "rejected": ("was rejected", "You can clone it, change it and submit it again."),
    "changes_requested": ("needs changes", "Please change it and submit it again."),
    "cancelled": ("was cancelled", "If you still need it, clone it and submit it again."),
    "expired": ("has expired", "If you still need it, clone it with new dates."),
}

_SAY: Final[Mapping[str, Callable[[Data, str], Said]]] = {
    Kind.REQUISITION_DECIDED: _requisition_decided,
    Kind.READY_TO_COLLECT: _ready_to_collect,
    Kind.DUE_SOON: _due_soon,
    Kind.OVERDUE: _overdue,
    Kind.RETURNED: _returned,
    Kind.DECLINED: _declined,
    Kind.SYNC_NEEDS_ATTENTION: _sync_needs_attention,
}


def _short(text: str) -> str:
    plain = one_line(text)
    return plain if len(plain) <= _PURPOSE_LIMIT else f"{plain[: _PURPOSE_LIMIT - 1]}…"


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
