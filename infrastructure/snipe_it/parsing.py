"""Turns Snipe-IT's rows into records. One function per kind, all of one form."""

from infrastructure.snipe_it.fields import Row
from infrastructure.snipe_it.records import (
    Accessory,
    Activity,
    ActivityItem,
    Asset,
    Category,
    Change,
    CheckedOutRow,
    Company,
    Consumable,
    CustomField,
    Location,
    Maintenance,
    Model,
    StatusLabel,
    StatusRef,
    Supplier,
    User,
)


def asset(row: Row) -> Asset:
    """An asset of a list or of its own page; both have the same form."""
    return Asset(
        id=row.id(),
        tag=row.required("asset_tag"),
        serial=row.text("serial"),
        name=row.text("name"),
        model=row.ref("model"),
        model_number=row.text("model_number"),
        status=_status(row.row("status_label")),
        category=row.ref("category"),
        manufacturer=row.ref("manufacturer"),
        supplier=row.ref("supplier"),
        company=row.ref("company"),
        location=row.ref("location"),
        home=row.ref("rtd_location"),
        assigned_to=row.holder("assigned_to"),
        can_check_out=row.flag("user_can_checkout"),
        requestable=row.flag("requestable"),
        notes=row.text("notes"),
        order_number=row.text("order_number"),
        purchase_date=row.date("purchase_date"),
        purchase_cost=row.text("purchase_cost"),
        warranty_expires=row.date("warranty_expires"),
        image=row.text("image"),
        last_checkout=row.time("last_checkout"),
        last_checkin=row.time("last_checkin"),
        expected_checkin=row.date("expected_checkin"),
        checkout_counter=row.count("checkout_counter"),
        checkin_counter=row.count("checkin_counter"),
        custom_fields=_custom_fields(row),
        created_at=row.time("created_at"),
        updated_at=row.time("updated_at"),
        deleted_at=row.deleted_at(),
    )


def model(row: Row) -> Model:
    """An asset model."""
    return Model(
        id=row.id(),
        name=row.required("name"),
        model_number=row.text("model_number"),
        manufacturer=row.ref("manufacturer"),
        category=row.ref("category"),
        requestable=row.flag("requestable"),
        assets_count=row.count("assets_count"),
        image=row.text("image"),
        notes=row.text("notes"),
        updated_at=row.time("updated_at"),
        deleted_at=row.deleted_at(),
    )


def user(row: Row) -> User:
    """A user of the inventory, with the user's own permissions."""
    permissions = row.row("permissions")
    return User(
        id=row.id(),
        username=row.required("username"),
        name=row.required("name"),
        first_name=row.text("first_name"),
        last_name=row.text("last_name"),
        email=row.text("email"),
        employee_number=row.text("employee_num"),
        location=row.ref("location"),
        company=row.ref("company"),
        department=row.ref("department"),
        manager=row.ref("manager"),
        activated=row.flag("activated"),
        permissions={}
        if permissions is None
        else {name: str(value) == "1" for name, value in permissions.values.items()},
        updated_at=row.time("updated_at"),
        deleted_at=row.deleted_at(),
    )


def location(row: Row) -> Location:
    """A location."""
    return Location(
        id=row.id(),
        name=row.required("name"),
        parent=row.ref("parent"),
        manager=row.ref("manager"),
        company=row.ref("company"),
        city=row.text("city"),
        country=row.text("country"),
        updated_at=row.time("updated_at"),
    )


def status_label(row: Row) -> StatusLabel:
    """A status label."""
    return StatusLabel(
        id=row.id(),
        name=row.required("name"),
        type=row.required("type"),
        color=row.text("color"),
        notes=row.text("notes"),
    )


def category(row: Row) -> Category:
    """A category."""
    return Category(
        id=row.id(),
        name=row.required("name"),
        type=row.required("category_type"),
        require_acceptance=row.flag("require_acceptance"),
    )


def supplier(row: Row) -> Supplier:
    """A supplier; a maintenance needs one."""
    return Supplier(row.id(), row.required("name"))


def company(row: Row) -> Company:
    """A company, Snipe-IT's own kind of tenant."""
    return Company(row.id(), row.required("name"))


def accessory(row: Row) -> Accessory:
    """An accessory with its stock."""
    return Accessory(
        id=row.id(),
        name=row.required("name"),
        model_number=row.text("model_number"),
        category=row.ref("category"),
        location=row.ref("location"),
        company=row.ref("company"),
        quantity=row.count("qty"),
        remaining=row.count("remaining"),
        updated_at=row.time("updated_at"),
    )


def checked_out_row(row: Row) -> CheckedOutRow:
    """One unit of an accessory that is out."""
    return CheckedOutRow(
        id=row.id(),
        holder=row.holder("assigned_to"),
        note=row.text("note"),
        created_at=row.time("created_at"),
    )


def consumable(row: Row) -> Consumable:
    """A consumable with its stock."""
    return Consumable(
        id=row.id(),
        name=row.required("name"),
        item_number=row.text("item_no"),
        category=row.ref("category"),
        location=row.ref("location"),
        company=row.ref("company"),
        quantity=row.count("qty"),
        remaining=row.count("remaining"),
        updated_at=row.time("updated_at"),
    )


def activity(row: Row) -> Activity:
    """A row of the activity report."""
    return Activity(
        id=row.id(),
        action=row.required("action_type"),
        item=_item(row.row("item")),
        target=_item(row.row("target")),
        note=row.text("note"),
        changes=_changes(row.row("log_meta")),
        by=row.ref("created_by"),
        user_agent=row.text("user_agent"),
        source=row.text("action_source"),
        created_at=row.time("created_at"),
        action_date=row.time("action_date"),
    )


def maintenance(row: Row) -> Maintenance:
    """A maintenance of an asset."""
    return Maintenance(
        id=row.id(),
        asset=row.ref("asset"),
        supplier=row.ref("supplier"),
        type=row.required("asset_maintenance_type"),
        title=row.required("title"),
        notes=row.text("notes"),
        started_on=row.date("start_date"),
        completed_on=row.date("completion_date"),
        cost=row.text("cost"),
        updated_at=row.time("updated_at"),
    )


def _status(row: Row | None) -> StatusRef | None:
    if row is None:
        return None
    return StatusRef(
        row.id(),
        row.required("name"),
        row.required("status_type"),
        row.required("status_meta"),
    )


def _custom_fields(row: Row) -> dict[str, CustomField]:
    fields = row.row("custom_fields")
    if fields is None:
        return {}
    found = {}
    for label in fields.values:
        one = fields.row(label)
        if one is not None:
            found[label] = CustomField(
                one.required("field"), one.text("value"), one.text("field_format")
            )
    return found


def _item(row: Row | None) -> ActivityItem | None:
    if row is None:
        return None
    return ActivityItem(row.required("type"), row.id(), row.required("name"))


def _changes(row: Row | None) -> dict[str, Change]:
    if row is None:
        return {}
    found = {}
    for name in row.values:
        one = row.row(name)
        if one is not None:
            found[name] = Change(one.required("old"), one.required("new"))
    return found
