"""Request bodies of the peer."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Quantity = Annotated[int, Field(ge=1, le=1_000_000)]


class Body(BaseModel):
    """A body with no fields but those named."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    """No fields."""


class Item(Body):
    """What is asked for."""

    kind: Literal["purchase"]
    description: Annotated[str, Field(min_length=1, max_length=500)]


class NewLine(Body):
    """A line of a requisition."""

    item: Item
    quantity: Quantity
    note: Annotated[str, Field(max_length=2000)] | None = None


class NewRequisition(Body):
    """A requisition."""

    project_id: UUID
    purpose: Annotated[str, Field(min_length=1, max_length=2000)]
    amount: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)] | None = None
    policy_id: UUID | None = None
    lines: Annotated[list[NewLine], Field(max_length=200)] = []


class ApprovedLine(Body):
    """How much of a line is approved."""

    line_id: UUID
    approved: Annotated[int, Field(ge=0)]


class Approval(Body):
    """An approval of a step."""

    note: Annotated[str, Field(max_length=2000)] | None = None
    lines: list[ApprovedLine] | None = None


class Fulfilment(Body):
    """What a technician has met of a line."""

    quantity: Quantity
    note: Annotated[str, Field(max_length=2000)] | None = None
