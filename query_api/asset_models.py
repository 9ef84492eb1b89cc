"""GET /asset-models and one of them, and the categories that models are of."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import Select, func

from domain.ids import Id
from infrastructure.inventory import tables as inventory
from query_api import answers
from query_api.keyset import Page
from query_api.mirrored import (
    READ,
    RefModel,
    Search,
    by_name,
    numbered,
    one_of,
    page_of,
    ref,
    told_by,
)
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath
from query_api.tenant_scope import TenantScope

asset_models = router("assets")

_M: Final = inventory.models.c
_C: Final = inventory.categories.c
_SORTS: Final = by_name(inventory.models)
_CATEGORY_SORTS: Final = by_name(inventory.categories)
_OF_ASSETS: Final = "asset"

ByName = Annotated[Literal["name", "-name"], Query()]


class AssetModelItem(BaseModel):
    """A model of assets. ``available`` of its ``assets`` could be handed out, at ``as_of``."""

    id: Id
    external_id: int
    name: str | None
    tracking_type: Literal["serialized"]
    model_number: str | None
    manufacturer: str | None
    category: RefModel | None
    requestable: bool
    assets: int
    available: int
    image: str | None
    notes: str | None
    updated_at: datetime | None
    removed_at: datetime | None
    as_of: datetime


class AssetModelPage(BaseModel):
    """One page of models."""

    items: list[AssetModelItem]
    next: str | None


class CategoryItem(BaseModel):
    """A category of assets."""

    id: Id
    external_id: int
    name: str | None
    require_acceptance: bool
    removed_at: datetime | None
    as_of: datetime


class CategoryPage(BaseModel):
    """One page of categories."""

    items: list[CategoryItem]
    next: str | None


@asset_models.get(
    "/asset-models",
    operation_id="list_asset_models",
    response_model=AssetModelPage,
    responses=page_responses(),
)
async def list_asset_models(
    reading: Annotated[Reading, reads(READ)], page: Page, q: Search = None, sort: ByName = "name"
) -> Response:
    """The models of assets that the inventory has."""
    met = told_by(reading.scope, "model", _M.external_id, q)
    found = _models(reading.scope).where(_M.deleted_at.is_(None), *met)
    return await page_of(
        reading, page, _SORTS[sort], "asset models", {"q": q, "sort": sort}, found, _model
    )


@asset_models.get(
    "/asset-models/{model_id}",
    operation_id="read_asset_model",
    response_model=AssetModelItem,
    responses=object_responses(403, 404),
)
async def read_asset_model(
    reading: Annotated[Reading, reads(BY_OBJECT)], model_id: IdInPath
) -> Response:
    """One model of assets."""
    row = await one_of(reading, _models(reading.scope).where(_M.id == model_id), "model")
    return answers.unversioned(reading, _model(row))


@asset_models.get(
    "/asset-categories",
    operation_id="list_asset_categories",
    response_model=CategoryPage,
    responses=page_responses(),
)
async def list_asset_categories(
    reading: Annotated[Reading, reads(READ)], page: Page, sort: ByName = "name"
) -> Response:
    """The categories that models of assets can be of."""
    found = _categories(reading.scope).where(_C.deleted_at.is_(None))
    return await page_of(
        reading,
        page,
        _CATEGORY_SORTS[sort],
        "asset categories",
        {"sort": sort},
        found,
        _category,
    )


@asset_models.get(
    "/asset-categories/{category_id}",
    operation_id="read_asset_category",
    response_model=CategoryItem,
    responses=object_responses(403, 404),
)
async def read_asset_category(
    reading: Annotated[Reading, reads(BY_OBJECT)], category_id: IdInPath
) -> Response:
    """One category of assets."""
    found = _categories(reading.scope).where(_C.id == category_id)
    return answers.unversioned(reading, _category(await one_of(reading, found, "category")))


def _models(scope: TenantScope) -> Select[Any]:
    asset = inventory.assets.c
    to_hand_out = (
        scope.select(inventory.assets, func.count())
        .where(
            asset.model_external_id == _M.external_id,
            asset.can_check_out,
            asset.deleted_at.is_(None),
        )
        .scalar_subquery()
    )
    return (
        scope.select(
            inventory.models,
            *_M,
            _C.id.label("category_id"),
            _C.name.label("category_name"),
            to_hand_out.label("available"),
        )
        .outerjoin(
            inventory.categories,
            numbered(inventory.models, inventory.categories, _M.category_external_id),
        )
        .where(_M.id.is_not(None))
    )


def _categories(scope: TenantScope) -> Select[Any]:
    of_assets = func.lower(_C.type) == _OF_ASSETS
    return scope.select(inventory.categories).where(_C.id.is_not(None), of_assets)


def _model(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "external_id": row.external_id,
        "name": row.name,
        "tracking_type": "serialized",
        "model_number": row.model_number,
        "manufacturer": row.manufacturer_name,
        "category": ref(row.category_external_id, row.category_id, row.category_name),
        "requestable": row.requestable,
        "assets": row.assets_count,
        "available": row.available,
        "image": row.image,
        "notes": row.notes,
        "updated_at": row.updated_at,
        "removed_at": row.deleted_at,
        "as_of": row.as_of,
    }


def _category(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "external_id": row.external_id,
        "name": row.name,
        "require_acceptance": row.require_acceptance,
        "removed_at": row.deleted_at,
        "as_of": row.as_of,
    }
