"""The bodies of commands of assignments that begin with the asset."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from command_api.fields import Begin, Body, End, IdText, Text
from domain.assignments.content import ASSET, Item, Terms
from domain.custody.circulation_commands import one_custodian
from domain.ids import Id


class ToSomebodyBody(Body):
    """Who has it: a person (a member's id) or a location."""

    person_id: IdText | None = None
    location_id: IdText | None = None


class OfAssetBody(ToSomebodyBody):
    """Who gets the asset, from ``start_date`` (now) until ``end_date`` (for good).

    It is handed over now, and reserved for a day that is still to come.
    """

    start_date: Begin | None = None
    end_date: End | None = None
    project_id: IdText | None = None

    def begins(self, now: datetime) -> datetime:
        """From when on: at the earliest now."""
        return max(now, self.start_date or now)

    def terms(self, asset_id: Id, now: datetime) -> Terms:
        """As the domain knows them. Raises ``InvalidField`` unless exactly one gets it."""
        return Terms(
            item=Item(ASSET, asset_id),
            custodian=one_custodian(self.person_id, self.location_id),
            begins=self.begins(now),
            due=self.end_date,
            project_id=self.project_id,
        )


class AssetAssignmentBody(OfAssetBody):
    """Which asset, and who gets it."""

    asset_id: IdText


class AssignmentChangesBody(Body):
    """The day on which it is to be back."""

    end_date: End


class CirculationBody(ToSomebodyBody):
    """What happens to an asset, now. ``end_date`` goes with `issue`, ``notes`` with a return."""

    asset_id: IdText
    circulation_type: Literal["issue", "return", "move", "receive", "confirm"]
    end_date: End | None = None
    occurred_at: Begin | None = Field(None, description="Now, or left out.")
    notes: Text | None = None
