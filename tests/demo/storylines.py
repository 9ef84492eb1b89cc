"""In which state of the server each recording was made.

Most were made on the freshly seeded server and need nothing. The others stand in a story:
steps in the order in which the live server saw them, beginning at the seed. A step is the
name of a recording, which is driven and compared, or something done to get there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.snipe_it_simulator.faults import Fault, Kind

ORDINARY = "ordinary-user"
"""Token of user 2, who has no permission."""


@dataclass(frozen=True)
class Do:
    """A call that was made but not recorded, or not one that the client makes; at ``time`` UTC."""

    path: str
    body: Mapping[str, Any]
    time: str = "01:24:58"
    times: int = 1
    method: str = "POST"


@dataclass(frozen=True)
class Edit:
    """A change that was made on the server itself."""

    edit: Mapping[str, Any]
    time: str


@dataclass(frozen=True)
class With:
    """Something about the server, for every recording of the story."""

    fault: Fault | None = None
    calls_per_minute: int | None = None


Step = str | Do | Edit


@dataclass(frozen=True)
class Story:
    steps: tuple[Step, ...]
    server: With = field(default_factory=With)
    token: str | None = None


def out(asset_id: int, time: str, user: int = 3, **more: Any) -> Do:
    """A checkout to a user."""
    body = {"checkout_to_type": "user", "assigned_user": user, **more}
    return Do(f"/hardware/{asset_id}/checkout", body, time)


def _everywhere(kind: Kind) -> With:
    return With(Fault(kind, times=None))


CHECKOUTS = Story(
    (
        "hardware-checkout-to-user.ok",
        "hardware-checkout-to-user.after.hardware-get",
        "hardware-checkout-to-user.after.activity",
        "hardware-checkout.already-out.other-user",
        "hardware-checkout.already-out.same-user",
        "hardware-checkout.already-out.after.hardware-get",
        "hardware-checkout-to-location.ok",
        "hardware-checkout-to-location.after.hardware-get",
        "hardware-checkout-to-asset.ok",
        "hardware-checkout-to-asset.after.hardware-get",
        out(4, "01:24:58", user=2),
        "hardware-checkout.with-status_id-and-name.ok",
        "hardware-checkout.minimal.ok",
        "hardware-checkout.minimal.after.hardware-get",
        "hardware-checkout.form-encoded.ok",
        "hardware-checkout.checkout_at-with-time.ok",
        "hardware-checkout.checkout_at-with-time.after.hardware-get",
        "hardware-checkout.checkout_at-iso8601.result",
        "hardware-checkout.checkout_at-iso8601.after.hardware-get",
        "hardware-checkout.require-acceptance-category.ok",
        "hardware-checkout.require-acceptance-category.after.hardware-get",
        "hardware-checkout.pending-with-deployable-status_id",
        Edit({"do": "delete", "table": "users", "id": 5}, "01:24:59"),
        "hardware-checkout.error.deleted-user",
        "hardware-checkout.error.all.after.hardware-get",
        Edit({"do": "set", "table": "users", "id": 4, "fields": {"activated": False}}, "01:24:59"),
        "hardware-checkout.to-deactivated-user",
        "hardware-list.assigned_to-filter",
        "hardware-list.status-Deployed.some",
        "hardware-list.updated_at-after-checkouts",
        "models-get.after-checkouts",
        "models-get.after-checkouts-2",
        "hardware-delete.while-checked-out",
        "hardware-delete.while-checked-out.after.hardware-get",
        "hardware-delete.while-checked-out.after.activity",
        "hardware-bytag.deleted",
        "hardware-bytag.deleted-with-param",
        "hardware-checkout.error.deleted-asset",
        "hardware-list.status-Deleted.one",
        "hardware-restore.error.after-delete-while-checked-out",
    )
)

DELETED_AND_RESTORED = Story(
    (
        Edit({"do": "delete", "table": "hardware", "id": 16}, "01:25:00"),
        "hardware-restore.ok",
        "hardware-restore.not-deleted",
        "hardware-delete.ok",
        "hardware-delete.again",
    )
)

CHECKINS = Story(
    (
        out(1, "01:25:55", expected_checkin="2026-12-15"),
        "hardware-checkin.ok",
        "hardware-checkin.after.hardware-get",
        "hardware-checkin.after.activity",
        "hardware-checkin.error.not-checked-out",
        out(1, "01:25:55"),
        "hardware-checkin.with-status-location-note.ok",
        "hardware-checkin.with-status-location-note.after.hardware-get",
        "hardware-checkin.with-status-location-note.after.activity",
        out(14, "01:25:55"),
        "hardware-checkin.checkin_at-today.ok",
        out(4, "01:25:55", note="out"),
        "hardware-checkin.checkin_at-past.500-but-applied",
        "hardware-checkin.checkin_at-past.500-but-applied.after.hardware-get",
        "hardware-checkin.checkin_at-past.500-but-applied.after.activity",
        out(2, "01:25:55"),
        "hardware-checkin.error.bad-status_id",
        "hardware-checkin.error.bad-status_id.after.hardware-get",
        out(3, "01:25:56"),
        "hardware-checkin.bad-location_id",
        "hardware-checkin.bad-location_id.after.hardware-get",
    )
)

UNREADABLE_CHECKINS = Story(
    (
        out(1, "01:36:59"),
        out(2, "01:36:59"),
        "hardware-checkin.malformed-json.still-checks-in",
        "hardware-checkin.empty-body.ok",
    )
)

CREATE_AND_EDIT = Story(
    (
        "hardware-create.ok",
        "hardware-create.after.hardware-get",
        "hardware-create.with-assigned_user.ok",
        "hardware-patch.ok",
        "hardware-patch.status.ok",
        "hardware-patch.custom-field.ok",
        "hardware-patch.custom-field-by-label.ignored",
        "hardware-patch.after.hardware-get",
        "hardware-patch.after.activity",
        "hardware-patch.assigned_user-checks-out",
        "hardware-patch.assigned_user-over-existing",
        "hardware-patch.assigned_user-over-existing.after.hardware-get",
        "hardware-patch.assigned_user-over-existing.after.activity",
        "hardware-patch.status-undeployable-while-checked-out",
        "hardware-patch.status-undeployable-while-checked-out.after.hardware-get",
    )
)

MAINTENANCES = Story(
    (
        "maintenances-create.ok",
        "maintenances-create.after.hardware-get",
        "maintenances-create.after.activity",
        "maintenances-create.unknown-type",
        "maintenances-get.ok",
        "maintenances-list.by-asset",
        "maintenances-update.complete.ok",
        "maintenances-update.after.get",
    )
)

ACCESSORIES = Story(
    (
        "accessories-checkout.ok",
        "accessories-checkout.after.get",
        "accessories-checkedout.some",
        "accessories-checkout.to-location.ok",
        "accessories-checkout.error.qty-too-big",
        Do("/accessories/2/checkout", {"assigned_user": 3}, "01:25:59"),
        "accessories-checkout.error.none-left",
        "accessories-checkin.ok",
        "accessories-checkin.error.again",
        "accessories-activity",
    )
)

CONSUMABLES = Story(
    (
        "consumables-users.empty",
        "consumables-checkout.ok",
        "consumables-checkout.after.get",
        "consumables-users.some",
        "consumables-checkout.error.qty-too-big",
        Do("/consumables/1/checkout", {"assigned_to": 3}, "01:25:59", times=2),
        "consumables-checkout.error.none-left",
    )
)

REPEATS_AND_REPORT = Story(
    (
        "hardware-checkout.idempotency-key.first",
        "hardware-checkout.idempotency-key.repeat",
        "hardware-checkout.user-agent-as-correlation",
        "activity.filter-action_type",
        "activity.filter-target",
        "activity.filter-unknown-item_type",
        "activity.search-by-correlation-id",
        "activity.search-by-note",
        "activity.sort-id-asc-offset",
        "activity.sort-id-desc",
        out(3, "01:34:52", note='a *b* <c> & "d" **e** REQ_1_2'),
        "activity.note-markdown.result",
    )
)

HELD_BY_THINGS = Story(
    (
        Do("/hardware/7/checkout", {"checkout_to_type": "asset", "assigned_asset": 1}, "01:37:36"),
        Do(
            "/hardware/3/checkout",
            {"checkout_to_type": "location", "assigned_location": 2},
            "01:37:36",
        ),
        "hardware-list.assigned_to-asset-filter",
        "hardware-list.assigned_to-location-filter",
    )
)

REQUESTED = Story(
    (
        Edit(
            {
                "do": "set",
                "table": "hardware",
                "id": 7,
                "fields": {"requests_counter": 2},
            },
            "01:26:00",
        ),
        "account-request.after.hardware-get",
    )
)

SPENT_BUDGET = Story(
    (
        Do("/version", {}, "01:28:22", times=5, method="GET"),
        "ratelimit.429.accept-json",
        "ratelimit.429.no-accept",
        "ratelimit.429.post-checkout",
        "ratelimit.429.unauthenticated-still-401",
        "ratelimit.429.other-user-has-own-budget",
    ),
    With(calls_per_minute=5),
)

MAINTENANCE_MODE = Story(
    (
        "maintenance.503.plain-down.accept-json",
        "maintenance.503.missing-token",
        "maintenance.503.plain-down.no-accept",
        "maintenance.503.post-checkout",
        "maintenance.503.with-retry-option.accept-json",
        "maintenance.health",
    ),
    _everywhere(Kind.MAINTENANCE),
)

DATABASE_DOWN = Story(
    (
        "dbdown.get-hardware.accept-json",
        "dbdown.get-hardware.no-accept",
        "dbdown.missing-token",
        "dbdown.post-checkout",
        "dbdown.health",
        "dbdown.followed-redirect.setup",
    ),
    _everywhere(Kind.DATABASE_DOWN),
)

LOCK_WAIT_TIMEOUT = Story(
    (
        "dberror.lock-wait-timeout.post-checkout",
        "dberror.lock-wait-timeout.after.hardware-get",
    ),
    With(Fault(Kind.ERROR_BEFORE, method="POST")),
)

PROXY_ALONE = Story(("proxy.502.app-server-down",), _everywhere(Kind.BAD_GATEWAY))

NO_PERMISSION = Story(
    (
        "auth.forbidden.activity",
        "auth.forbidden.checkout",
        "auth.forbidden.hardware-list",
        "auth.limited-user.users-me",
        Edit({"do": "set", "table": "users", "id": 2, "fields": {"activated": False}}, "01:34:49"),
        "auth.deactivated-user-token.users-me",
        Edit({"do": "delete", "table": "users", "id": 2}, "01:34:50"),
        "auth.deleted-user-token.users-me",
    ),
    token=ORDINARY,
)

REVOKED = Story(
    ("auth.revoked-token.accept-json", "auth.tampered-jwt.accept-json"), token="revoked"
)

STORIES = (
    CHECKOUTS,
    DELETED_AND_RESTORED,
    CHECKINS,
    UNREADABLE_CHECKINS,
    CREATE_AND_EDIT,
    MAINTENANCES,
    ACCESSORIES,
    CONSUMABLES,
    REPEATS_AND_REPORT,
    HELD_BY_THINGS,
    REQUESTED,
    SPENT_BUDGET,
    MAINTENANCE_MODE,
    DATABASE_DOWN,
    LOCK_WAIT_TIMEOUT,
    PROXY_ALONE,
    NO_PERMISSION,
    REVOKED,
)


def stories_of(names: set[str]) -> tuple[Story, ...]:
    """All stories; each recording that is in none makes a story of its own."""
    told = {step for story in STORIES for step in story.steps if isinstance(step, str)}
    return (*STORIES, *(Story((name,)) for name in sorted(names - told)))
