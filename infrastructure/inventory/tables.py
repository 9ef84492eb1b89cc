"""The inventory tables as the query API selects from them.

Of a mirrored thing, ``id`` is ours and null where nothing of ours stands for it; ``as_of`` is when
it was last read over there, by the clock of who read it. Other things are named by their external
ids, within the tenant.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from infrastructure.ids import UlidType

metadata = MetaData(schema="inventory")


def _ulid(name: str) -> Column[Any]:
    return Column(name, UlidType())


def _text(name: str) -> Column[Any]:
    return Column(name, Text())


def _number(name: str) -> Column[Any]:
    return Column(name, BigInteger())


def _count(name: str) -> Column[Any]:
    return Column(name, Integer())


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean())


def _date(name: str) -> Column[Any]:
    return Column(name, Date())


def _time(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True))


def _document(name: str) -> Column[Any]:
    return Column(name, JSONB(none_as_null=True))


def _mirrored(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("tenant_id", UlidType(), primary_key=True),
        Column("external_id", BigInteger(), primary_key=True),
        _ulid("id"),
        _time("as_of"),
        _time("deleted_at"),
        _time("updated_at"),
        _text("name"),
        *columns,
    )


connections = Table(
    "connections",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    _text("base_url"),
    _text("token_source"),
    _number("company_id"),
    _text("server_zone"),
    _document("status_labels"),
    _number("version"),
    _time("set_at"),
)

mappings = Table(
    "mappings",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("id", UlidType(), primary_key=True),
    _text("kind"),
    _number("external_id"),
    _text("matched_by"),
    _time("since"),
)

mirror_states = Table(
    "mirror_states",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    _text("base_url"),
    _number("last_activity_id"),
    _time("swept_at"),
    _time("as_of"),
    _text("error"),
    _text("message"),
    _time("failing_since"),
)

circuits = Table(
    "circuits",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    _text("state"),
    _count("failures"),
    _time("since"),
    _time("retry_at"),
    _text("reason"),
)

mirror_kinds = Table(
    "mirror_kinds",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("kind", Text(), primary_key=True),
    _time("as_of"),
    _count("things"),
)

models = _mirrored(
    "models",
    _text("model_number"),
    _number("manufacturer_external_id"),
    _text("manufacturer_name"),
    _number("category_external_id"),
    _flag("requestable"),
    _count("assets_count"),
    _text("image"),
    _text("notes"),
)

assets = _mirrored(
    "assets",
    _text("tag"),
    _text("serial"),
    _number("model_external_id"),
    _text("model_number"),
    _number("status_external_id"),
    _text("status_name"),
    _text("status_type"),
    _text("status_meta"),
    _number("category_external_id"),
    _number("manufacturer_external_id"),
    _number("supplier_external_id"),
    _number("company_external_id"),
    _number("location_external_id"),
    _number("home_external_id"),
    _text("holder_kind"),
    _number("holder_external_id"),
    _text("holder_name"),
    _flag("can_check_out"),
    _flag("requestable"),
    _text("notes"),
    _text("order_number"),
    _date("purchase_date"),
    _text("purchase_cost"),
    _date("warranty_expires"),
    _text("image"),
    _time("last_checkout"),
    _time("last_checkin"),
    _date("expected_checkin"),
    _count("checkout_counter"),
    _count("checkin_counter"),
    _document("custom_fields"),
    _time("created_at"),
)

users = _mirrored(
    "users",
    _text("username"),
    _text("first_name"),
    _text("last_name"),
    _text("email"),
    _text("employee_number"),
    _number("location_external_id"),
    _number("company_external_id"),
    _text("department"),
    _number("manager_external_id"),
    _flag("activated"),
)

locations = _mirrored(
    "locations",
    _number("parent_external_id"),
    _number("manager_external_id"),
    _number("company_external_id"),
    _text("city"),
    _text("country"),
)

status_labels = _mirrored("status_labels", _text("type"), _text("color"), _text("notes"))

categories = _mirrored("categories", _text("type"), _flag("require_acceptance"))

suppliers = _mirrored("suppliers")

companies = _mirrored("companies")

_STOCK: Final = ("category_external_id", "location_external_id", "company_external_id")

accessories = _mirrored(
    "accessories",
    _text("model_number"),
    *(_number(name) for name in _STOCK),
    _count("quantity"),
    _count("remaining"),
)

consumables = _mirrored(
    "consumables",
    _text("item_number"),
    *(_number(name) for name in _STOCK),
    _count("quantity"),
    _count("remaining"),
)

# Of things that are looked for by a part of what they are called; kept by the database itself.
words = Table(
    "words",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("kind", Text(), primary_key=True),
    Column("word", Text(), primary_key=True),
    Column("external_id", BigInteger(), primary_key=True),
)
