"""One requisition and the list of them."""

import httpx
import pytest

from infrastructure.ids import from_uuid
from tests.query_api.conftest import Lab
from tests.query_api.world import World

pytestmark = pytest.mark.asyncio


async def test_a_requisition_is_shown_as_the_contract_says(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    requisition = world.draft(lab.member, lab.project_id)
    world.store(requisition, lab.member)
    requisition_id = from_uuid(requisition.id)

    answer = await client.get(f"/requisitions/{requisition_id}", headers=lab.member.headers)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {
        "id",
        "project",
        "state",
        "purpose",
        "requester",
        "beneficiary",
        "needed_from",
        "needed_until",
        "amount",
        "approval",
        "lines",
        "created_at",
        "updated_at",
        "version",
    }
    assert body["id"] == requisition_id
    assert body["project"] == {"id": lab.project_id, "name": "Robot arm"}
    assert body["requester"] == {"id": lab.member.id, "name": "member"}
    assert answer.headers["X-Event-Position"] == str(world.position)
    assert answer.headers["ETag"].startswith('"1.')
