"""Letters: what happened, to what, and what to do next. Plain, short, and written when it is sent.

Names come from the identity tables and the mirror at that moment, so a letter never shows one that
somebody has meanwhile changed or erased.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.assignments.standing import CONSUMED, WRITTEN_OFF
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
class Things:
    """So many of what a letter is about, and the words that go with their number."""

    name: str
    quantity: int = 1

    def __str__(self) -> str:
        return self.name if self.quantity == 1 else f"{self.quantity} pieces of {self.name}"

    @property
    def capital(self) -> str:
        """As a sentence begins with them."""
        text = str(self)
        return text[:1].upper() + text[1:]

    # With a number go its verb and its pronouns.

    @property
    def are(self) -> str:
        return "is" if self.quantity == 1 else "are"

    @property
    def were(self) -> str:
        return "was" if self.quantity == 1 else "were"

    @property
    def they(self) -> str:
        return "it" if self.quantity == 1 else "they"

    @property
    def them(self) -> str:
        return "it" if self.quantity == 1 else "them"

    def of(self, quantity: int) -> "Things":
        """Another number of the same."""
        return Things(self.name, quantity)


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
        data = claimed.content["data"]
        said = said_of(claimed.kind, data, await self._name(claimed, data))
        if said is None:
            return Never(f"no letter is known for {claimed.kind}")
        claimed.check()
        return await self._mailer.send(
            Letter(claimed.id, addressee.email, said.subject, self._text(said, claimed, addressee))
        )

    async def _name(self, claimed: Claimed, data: Data) -> str:
        item = data.get("item") or {}
        kind, id = item.get("kind", ""), item.get("id")
        name = None
        if id is not None:
            name = await self._store.item_name(claimed.tenant_id, kind, id)
        return one_line(name) if name else _KINDS_OF_ITEM.get(kind, "something")

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


def said_of(kind: str, data: Data, name: str) -> Said | None:
    """What a letter of this kind says of the item called ``name``; None for an unknown kind."""
    say = _SAY.get(kind)
    return None if say is None else say(data, Things(name, data.get("quantity", 1)))


def _requisition_decided(data: Data, _: Things) -> Said:
    name = f"“{_short(data['purpose'])}”"
    outcome, next_step = _DECISIONS[data["decision"]]
    lines = [f"Your requisition {name} {outcome}."]
    if data["reason"]:
        lines.append(f"Reason: {one_line(data['reason'])}")
    return Said(f"Your requisition {name} {outcome}", (*lines, next_step))


def _ready_to_collect(data: Data, things: Things) -> Said:
    since = _day(data["from"])
    lines = [f"{things.capital} {things.are} reserved for you and can be collected from {since}."]
    if data["due"]:
        lines.append(f"{things.they.capitalize()} {things.are} due back on {_day(data['due'])}.")
    next_step = f"Please come to the desk to collect {things.them}."
    return Said(f"Ready to collect: {things}", (*lines, next_step))


def _due_soon(data: Data, things: Things) -> Said:
    when = "today" if data["day"] == 0 else f"on {_day(data['due'])}"
    return Said(
        f"Due {when}: {things}",
        (
            f"{things.capital} {things.are} due back {when}.",
            f"Please bring {things.them} back, or ask for an extension.",
        ),
    )


def _overdue(data: Data, things: Things) -> Said:
    late = "1 day" if data["day"] == 1 else f"{data['day']} days"
    was_due = f"{things.capital} {things.were} due back on {_day(data['due'])}"
    return Said(
        f"Overdue by {late}: {things}",
        (
            f"{was_due} and {things.are} overdue by {late}.",
            f"Please have {things.them} brought back to the desk at once.",
        ),
    )


def _returned(data: Data, things: Things) -> Said:
    lent = _lent(data, things)
    if data["returned"] == lent.quantity:
        return Said(f"Returned: {lent}", (f"{lent.capital} {lent.were} returned.", _NOTHING_LEFT))
    lines = [_came_back(data, lent)]
    gone = lent.of(lent.quantity - data["returned"] - data["outstanding"])
    if gone.quantity:
        lines.append(f"{gone.quantity} did not come back and {gone.are} settled.")
    return Said(f"Returned in part: {lent}", (*lines, _next_step(data, things)))


def _written_off(data: Data, things: Things) -> Said:
    title, ended = _ENDS[data["outcome"]]
    lines = [f"{things.capital} did not come back and {things.were} {ended}."]
    if data["returned"]:
        lines.append(_came_back(data, _lent(data, things)))
    return Said(f"{title}: {things}", (*lines, _next_step(data, things)))


def _lent(data: Data, things: Things) -> Things:
    """All that was handed out."""
    # What was planned before units were counted apart does not say how many were written off.
    return things.of(data["returned"] + data.get("written_off", 0) + data["outstanding"])


def _came_back(data: Data, lent: Things) -> str:
    return f"{data['returned']} of {lent} came back."


def _next_step(data: Data, things: Things) -> str:
    left = things.of(data["outstanding"])
    if not left.quantity:
        return _NOTHING_LEFT
    return f"{left.quantity} {left.are} still on record for you; please bring back the rest."


def _declined(data: Data, things: Things) -> Said:
    them = things.them
    reason = f"does not want {them}: {one_line(data['reason'])}"
    # What was planned before this was told apart does not say it.
    if data.get("handed_over", True):
        whose = f"Whoever was given {things} {reason}"
        next_step = f"They have {them} until you take {them} back. Please see to that."
        return Said(f"Declined: {things}", (whose, next_step))
    whose = f"Whoever is being given {things} {reason}"
    by_then = "The inventory had not confirmed the hand-over by then."
    next_step = f"Once it does, please take {them} back. If it refuses, there is nothing to do."
    return Said(f"Declined: {things}", (whose, by_then, next_step))


def _sync_needs_attention(data: Data, things: Things) -> Said:
    about = "" if data["operation"] is None else f" ({str(data['operation']).replace('_', ' ')})"
    reason = one_line(str(data["reason"])).replace("_", " ")
    disagreement = f"The inventory and Quartermaster do not agree on {things}{about}: {reason}."
    return Said(
        f"The inventory needs your attention: {reason}",
        (disagreement, "Please look at it, then retry, resolve or abandon it."),
    )


_NOTHING_LEFT: Final = "Nothing is left to do."
_DECISIONS: Final = {
    "approved": ("was approved", "You are told when something is ready to be collected."),
    "rejected": ("was rejected", "You can clone it, change it and submit it again."),
    "changes_requested": ("needs changes", "Please change it and submit it again."),
    "cancelled": ("was cancelled", "If you still need it, clone it and submit it again."),
    "expired": ("has expired", "If you still need it, clone it with new dates."),
}

_ENDS: Final = {
    WRITTEN_OFF: ("Written off", "written off"),
    CONSUMED: ("Used up", "recorded as used up"),
}

_SAY: Final[Mapping[str, Callable[[Data, Things], Said]]] = {
    Kind.REQUISITION_DECIDED: _requisition_decided,
    Kind.READY_TO_COLLECT: _ready_to_collect,
    Kind.DUE_SOON: _due_soon,
    Kind.OVERDUE: _overdue,
    Kind.RETURNED: _returned,
    Kind.WRITTEN_OFF: _written_off,
    Kind.DECLINED: _declined,
    Kind.SYNC_NEEDS_ATTENTION: _sync_needs_attention,
}


def _short(text: str) -> str:
    plain = one_line(text)
    return plain if len(plain) <= _PURPOSE_LIMIT else f"{plain[: _PURPOSE_LIMIT - 1]}…"


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"
