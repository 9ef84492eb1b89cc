"""GET /assets and one of them, as the mirror of the inventory holds them."""

from dataclasses import asdict
from typing import Annotated, Final, Literal

from fastapi import Depends, Query, Response

from domain.errors import NotFound, PermissionMissing
from query_api import answers
from query_api.assets import shape
from query_api.assets.selects import SORTS, A, Filters, asset_page, shown
from query_api.keyset import Cursors, Page, Window
from query_api.mirrored import READ, Search
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdFilter, IdInPath

assets = router("assets")

# What waits for the inventory, and who has an asset, is read beside the mirror.
_PROJECTIONS: Final = ("custody",)

Exact = Annotated[str | None, Query(min_length=1, max_length=200)]
Flag = Literal["true"] | None


async def _narrowed(
    q: Search = None,
    asset_tag: Exact = None,
    serial_number: Exact = None,
    model_id: IdFilter = None,
    location_id: IdFilter = None,
    status_label_id: IdFilter = None,
    project_id: IdFilter = None,
    available: Annotated[Flag, Query(description="Only those that can be handed out now.")] = None,
    removed: Annotated[Flag, Query(description="Only those that were removed.")] = None,
) -> Filters:
    return Filters(
        q=q,
        asset_tag=asset_tag,
        serial_number=serial_number,
        model_id=model_id,
        location_id=location_id,
        status_label_id=status_label_id,
        project_id=project_id,
        available=available is not None,
        removed=removed is not None,
    )


@assets.get(
    "/assets",
    operation_id="list_assets",
    response_model=shape.AssetPage,
    responses=page_responses(),
)
async def list_assets(
    reading: Annotated[Reading, reads(READ, projections=_PROJECTIONS)],
    page: Page,
    filters: Annotated[Filters, Depends(_narrowed)],
    sort: Annotated[
        Literal["asset_tag", "-asset_tag", "updated_at", "-updated_at"], Query()
    ] = "asset_tag",
) -> Response:
    """The assets of the inventory; those that were removed there only where they are asked for."""
    fingerprint = {"tenant": reading.scope.tenant_id, "sort": sort, **asdict(filters)}
    window = Window(page, SORTS[sort], Cursors(reading.sources.secret, "assets", fingerprint))
    found = asset_page(reading.scope, reading.caller, filters, window, reading.at)
    rows, following = window.shown(await reading.rows(found))
    known = await shape.look_up(reading, rows)
    return answers.page(reading, [shape.asset(row, known) for row in rows], following)


@assets.get(
    "/assets/{asset_id}",
    operation_id="read_asset",
    response_model=shape.Asset,
    responses=object_responses(403, 404),
)
async def read_asset(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=_PROJECTIONS)], asset_id: IdInPath
) -> Response:
    """One asset, also one that was removed. Its ETag names the whole answer, never a version."""
    row = await reading.row(shown(reading.scope, reading.at).where(A.id == asset_id))
    if row is None:
        raise NotFound("There is no such asset.")
    if not reading.caller.may(READ):
        raise PermissionMissing(READ)
    known = await shape.look_up(reading, [row])
    return answers.unversioned(reading, shape.full_asset(row, known))
