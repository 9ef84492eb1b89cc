"""The bodies of assignment commands."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from command_api.fields import Begin, Body, End, IdText, Name, Text
from domain.assignments.content import (
    CHECKLIST_LIMIT,
    UNITS_LIMIT,
    Check,
    Condition,
    Custodian,
    Item,
    Terms,
    Units,
)

UnitCount = Annotated[int, Field(ge=1, le=UNITS_LIMIT)]


class LentItemBody(Body):
    """What is lent, by its id here."""

    kind: Literal["asset", "accessory", "consumable"]
    id: IdText

    def item(self) -> Item:
        """As the domain knows it."""
        return Item(self.kind, self.id)


class CustodianBody(Body):
    """Who gets it: a member (``user``) or a ``location``; a consumable goes to a member alone."""

    kind: Literal["user", "location"]
    id: IdText

    def custodian(self) -> Custodian:
        """As the domain knows it."""
        return Custodian(self.kind, self.id)


class AssignmentBody(Body):
    """Something to be lent from ``begins`` (now) until ``due`` (for good).

    ``issue`` hands it over at once; otherwise it is reserved.
    """

    item: LentItemBody
    custodian: CustodianBody
    quantity: UnitCount = 1
    begins: Begin | None = None
    due: End | None = None
    project_id: IdText | None = None
    issue: bool = False

    def terms(self, now: datetime) -> Terms:
        """As the domain knows them."""
        return Terms(
            item=self.item.item(),
            custodian=self.custodian.custodian(),
            begins=self.begins or now,
            due=self.due,
            quantity=self.quantity,
            project_id=self.project_id,
        )


class AcceptBody(Body):
    """What the custodian agrees to; ``witnessed`` where the caller saw them do so in person."""

    terms: Text | None = None
    witnessed: bool = False


class RequestExtensionBody(Body):
    """Until when, and why if there is something to say."""

    due: End
    reason: Text | None = None


class ApproveExtensionBody(Body):
    """Until when; without ``due`` as was asked for."""

    due: End | None = None


class UnitsBody(Body):
    """Units that came back in one condition."""

    quantity: UnitCount = 1
    condition: Literal["ok", "damaged", "incomplete", "missing", "consumed"] = "ok"
    note: Text | None = None

    def units(self) -> Units:
        """As the domain knows them."""
        return Units(self.quantity, Condition(self.condition), self.note)


class CheckBody(Body):
    """One point of the checklist."""

    name: Name
    passed: bool

    def check(self) -> Check:
        """As the domain knows it."""
        return Check(self.name, self.passed)


class ReturnBody(Body):
    """What came back, and in which condition; without ``units`` all that is out, in order."""

    units: list[UnitsBody] = Field(default_factory=list, max_length=len(Condition))
    checklist: list[CheckBody] = Field(default_factory=list, max_length=CHECKLIST_LIMIT)
    location_id: IdText | None = None
    note: Text | None = None

    def groups(self) -> tuple[Units, ...]:
        """The units, as the domain knows them."""
        return tuple(group.units() for group in self.units)

    def checks(self) -> tuple[Check, ...]:
        """The checklist, as the domain knows it."""
        return tuple(point.check() for point in self.checklist)


class LossBody(Body):
    """How it went."""

    kind: Literal["lost", "stolen"]
    note: Text | None = None


class TransferBody(Body):
    """To whom it is handed on."""

    to: CustodianBody


class ResolveDriftBody(Body):
    """It is back (``external_return``), its custodian has it after all (``reasserted``), or whom
    the inventory shows has it and is to have it under an assignment of their own (``relinked``).

    Of an accessory the first two are about the units that the drift names; it is never relinked.
    """

    how: Literal["external_return", "reasserted", "relinked"]
