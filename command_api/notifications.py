"""Commands of one's own notifications: what was read, and what is wanted."""

from typing import Annotated, Final

from fastapi import Response

from command_api.caller import Call, Requires, Scene
from command_api.fields import Body, Empty, IdText, PathId
from command_api.routing import action, router
from domain.errors import NotFound
from domain.notifications import commands, handlers
from domain.notifications.kinds import Channel, Kind, position_of
from domain.notifications.notices import TOLD_TOPICS

routes = router("notifications")


class ChannelsBody(Body):
    """On which ways one wants to be told."""

    in_app: bool = True
    email: bool = True


_ALL: Final = ChannelsBody()


class ChoicesBody(Body):
    """What one wants to be told, and how. What is left out is told on every way."""

    requisition_decided: ChannelsBody = _ALL
    ready_to_collect: ChannelsBody = _ALL
    due_soon: ChannelsBody = _ALL
    overdue: ChannelsBody = _ALL
    returned: ChannelsBody = _ALL
    written_off: ChannelsBody = _ALL
    declined: ChannelsBody = _ALL
    sync_needs_attention: ChannelsBody = _ALL

    def off(self) -> frozenset[tuple[Kind, Channel]]:
        """What is not wanted."""
        return frozenset(
            (kind, channel)
            for kind in Kind
            for channel in Channel
            if not getattr(getattr(self, kind.value), channel.value)
        )


class ReadAllBody(Body):
    """The newest notification that one has seen: what came after it stays unread."""

    until: IdText | None = None


async def there(scene: Scene) -> None:
    """Raise 404 unless the tenant's log has something there that people are told of."""
    if not await scene.facts.has_event(position_of(scene.ids["id"]), TOLD_TOPICS):
        raise NotFound("There is no such notification.")


@routes.post("/me/notifications/{id}/read", **action("read_notification"))
async def read(
    id: PathId, call: Annotated[Call, Requires(None, first=there)], _body: Empty | None = None
) -> Response:
    """Mark a notification of yours as read."""
    return await call.run(
        handlers.read,
        lambda by: commands.ReadNotification(
            notification_id=id, position=position_of(id), by=by, at=call.at
        ),
    )


@routes.post("/me/notifications/read-all", **action("read_all_notifications"))
async def read_all(
    call: Annotated[Call, Requires(None)], body: ReadAllBody | None = None
) -> Response:
    """Mark all notifications of yours as read, or those up to one of them."""
    until = None if body is None or body.until is None else position_of(body.until)
    return await call.run(
        handlers.read_all, lambda by: commands.ReadAll(position=until, by=by, at=call.at)
    )


@routes.put("/me/notification-preferences", **action("choose_notifications"))
async def choose(body: ChoicesBody, call: Annotated[Call, Requires(None)]) -> Response:
    """Say what you want to be told, and how. It counts for what is sent from now on."""
    return await call.run(handlers.choose, lambda by: commands.Choose(off=body.off(), by=by))
