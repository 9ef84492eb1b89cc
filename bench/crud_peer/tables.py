"""The peer's tables: what a CRUD design of the same job needs, indexed for its look-ups."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import DateTime, ForeignKey, Identity, Index, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Types shared by all tables."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
        list[str]: ARRAY(TEXT),
        Decimal: Numeric(14, 2),
    }


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Tenant(Base):
    __tablename__ = "tenants"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]


class User(Base):
    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    username: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]


class Member(Base):
    __tablename__ = "members"
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    permissions: Mapped[list[str]]


class Session(Base):
    __tablename__ = "sessions"
    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]


class Project(Base):
    __tablename__ = "projects"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str]


class ProjectMember(Base):
    __tablename__ = "project_members"
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str]


class Policy(Base):
    __tablename__ = "policies"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    steps: Mapped[list[dict[str, Any]]]
    min_amount: Mapped[Decimal | None]
    project_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Requisition(Base):
    __tablename__ = "requisitions"
    __table_args__ = (Index("requisitions_by_change", "tenant_id", "updated_at", "id"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    requester_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    state: Mapped[str] = mapped_column(default="draft")
    purpose: Mapped[str]
    amount: Mapped[Decimal | None]
    policy_id: Mapped[UUID | None]
    steps: Mapped[list[dict[str, Any]] | None]
    step: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    version: Mapped[int] = mapped_column(default=1)
    lines: Mapped[list["Line"]] = relationship(lazy="raise", order_by="Line.number")


class Line(Base):
    __tablename__ = "lines"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    requisition_id: Mapped[UUID] = mapped_column(ForeignKey("requisitions.id"), index=True)
    number: Mapped[int]
    kind: Mapped[str]
    description: Mapped[str | None]
    requested: Mapped[int]
    approved: Mapped[int | None]
    issued: Mapped[int] = mapped_column(default=0)
    note: Mapped[str | None]


class Audit(Base):
    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    tenant_id: Mapped[UUID]
    actor_id: Mapped[UUID]
    object_id: Mapped[UUID] = mapped_column(index=True)
    action: Mapped[str]
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "user_id", "key"),)
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    tenant_id: Mapped[UUID]
    user_id: Mapped[UUID]
    key: Mapped[str]
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
