"""The story, scene by scene: from a wish to everything at rest again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from demo.inventory import TOKEN_SOURCE
from demo.story.desk import StoryStopped
from demo.story.outage import DemoSnipeIt
from demo.story.stage import Shown, Stage
from demo.tenant import ADMINISTRATOR, PROJECT

REQUESTER: Final = "demo-requester"
APPROVER: Final = "demo-approver"
TECHNICIAN: Final = "demo-technician"

SHORT_LOAN: Final = timedelta(seconds=20)
"""Long enough to hand the thing over, short enough to watch it become overdue."""
_LOAN: Final = timedelta(days=7)
_THINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """A requisition with one line for each of ``assets``."""

    id: str
    lines: Sequence[str]
    assets: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Loan:
    """An assignment of an asset."""

    id: str
    asset: Shown

    @property
    def path(self) -> str:
        """Where it is read and asked about."""
        return f"/assignments/{self.id}"


async def find_free_assets(stage: Stage, inventory_url: str) -> list[Shown]:
    """Three that can be handed out. Raises ``StoryStopped`` where this is not the demo."""
    stage.tell.chapter("The demo's inventory is there, and has something to lend")
    connection = await stage.desk.read(ADMINISTRATOR, "/inventory/connection")
    if (connection["token_source"], connection["base_url"]) != (TOKEN_SOURCE, inventory_url):
        raise StoryStopped(
            "the tenant is connected to another inventory than the demo's: it is left alone"
        )
    await stage.until(
        "the mirror has read the inventory",
        ADMINISTRATOR,
        "/inventory/connection",
        lambda shown: shown["mirror"]["swept_at"] is not None,
        "base_url",
    )
    await _until_circuit(stage, "closed")
    free = await _free_assets(stage)
    tags = [one["asset_tag"] for one in free]
    stage.tell.read(TECHNICIAN, "/assets?available=true", {"taken for the story": tags})
    return free


async def request(stage: Stage, assets: Sequence[Shown]) -> Wish:
    """A member asks for two things of the inventory."""
    stage.tell.chapter("A member asks for equipment")
    wanted = [
        {"item": {"kind": "model", "id": one["model"]["id"]}, "quantity": 1} for one in assets
    ]
    requisition_id = await _submitted(stage, "Film the robot", wanted)
    shown = await stage.show(REQUESTER, f"/requisitions/{requisition_id}", "state")
    return Wish(requisition_id, [line["id"] for line in shown["lines"]], assets)


async def approve(stage: Stage, wish: Wish) -> None:
    """The lab lead says yes."""
    stage.tell.chapter("The approver says yes")
    await _approved(stage, wish.id)
    await stage.show(REQUESTER, f"/requisitions/{wish.id}", "state")


async def allocate(stage: Stage, wish: Wish) -> list[Loan]:
    """A technician keeps both assets for the member; the first is due back in a moment."""
    stage.tell.chapter("A technician keeps two assets for it; the first is due back very soon")
    now = datetime.now(UTC)
    loans = []
    for line, asset, time in zip(wish.lines, wish.assets, (SHORT_LOAN, _LOAN), strict=True):
        due = (now + time).isoformat(timespec="seconds")
        path = f"/requisitions/{wish.id}/lines/{line}"
        body = {"asset_id": asset["id"], "due": due}
        answer = await stage.ask(TECHNICIAN, "POST", f"{path}/allocate", body, expect=201)
        loans.append(Loan(answer.made, asset))
        await stage.happened_to(answer.made, asset["id"])
    await stage.happened(wish.id)
    return loans


async def issue(stage: Stage, wish: Wish, loans: Sequence[Loan]) -> None:
    """Both are handed over: asked for at once, claimed only once Snipe-IT shows it."""
    stage.tell.chapter("The technician hands them over, and Snipe-IT proves it")
    for loan in loans:
        await stage.ask(TECHNICIAN, "POST", f"{loan.path}/issue", expect=202)
    for loan in loans:
        await _until_proven(stage, loan, "active", "overdue")
        await stage.happened_to(loan.id, loan.asset["id"])
    await stage.happened(wish.id)
    await stage.show(REQUESTER, f"/requisitions/{wish.id}", "state")


async def become_overdue(stage: Stage, loan: Loan) -> None:
    """The due date of the first passes."""
    stage.tell.chapter("The first is not brought back in time")
    await stage.until(
        f"its due date passes ({SHORT_LOAN.seconds} s after it was kept), and a timer notices",
        REQUESTER,
        loan.path,
        lambda shown: shown["state"] == "overdue",
        "state",
        "due",
    )
    await stage.happened_to(loan.id, loan.asset["id"])


async def return_damaged(stage: Stage, loan: Loan) -> None:
    """The first comes back broken: Snipe-IT gets the label for repair."""
    stage.tell.chapter("It comes back damaged, and goes to repair")
    broken = {"condition": "damaged", "note": "The display is cracked"}
    await stage.ask(TECHNICIAN, "POST", f"{loan.path}/return", {"units": [broken]}, expect=202)
    await _until_proven(stage, loan, "closed")
    await stage.happened_to(loan.id, loan.asset["id"])
    await _until_asset(stage, loan.asset, "repair")


async def break_down(
    stage: Stage, snipe_it: DemoSnipeIt, lent: Loan, other: Shown
) -> tuple[str, str]:
    """Snipe-IT is away. Returns the requisition approved meanwhile, and its line.

    Returns wait, approvals go on, a hand-over is refused: it could not be proved.
    """
    stage.tell.chapter("Snipe-IT is down, and what each command answers then")
    stage.tell.done(await snipe_it.take_down())
    await stage.ask(TECHNICIAN, "POST", f"{lent.path}/return", expect=202)
    await stage.show(REQUESTER, lent.path, "state", "sync")
    await _until_circuit(stage, "open")
    await stage.ask(
        TECHNICIAN,
        "POST",
        "/assignments",
        _terms(stage, other),
        expect=HTTPStatus.SERVICE_UNAVAILABLE,
    )
    known = f"/availability?item_kind=asset&item_id={other['id']}"
    await stage.show(TECHNICIAN, known, "known", "available", "as_of")
    requisition_id = await _submitted(
        stage,
        "Mend the camera",
        [{"item": {"kind": "purchase", "description": "Display"}, "quantity": 1}],
    )
    await _approved(stage, requisition_id)
    shown = await stage.show(REQUESTER, f"/requisitions/{requisition_id}", "state")
    waiting = await stage.show(REQUESTER, lent.path, "state", "sync")
    if waiting["sync"] is None:
        raise StoryStopped(
            "a return was confirmed while Snipe-IT was down: that is a fault of ours"
        )
    return requisition_id, str(shown["lines"][0]["id"])


async def come_back(stage: Stage, snipe_it: DemoSnipeIt, lent: Loan, other: Shown) -> Loan:
    """Snipe-IT is there again: what waited is done, what was refused can be asked again."""
    stage.tell.chapter("Snipe-IT is back: what waited is done by itself")
    stage.tell.done(await snipe_it.mend())
    await _until_proven(stage, lent, "closed")
    await stage.happened_to(lent.id, lent.asset["id"])
    await _until_circuit(stage, "closed")
    answer = await stage.ask(TECHNICIAN, "POST", "/assignments", _terms(stage, other), expect=202)
    late = Loan(answer.id, other)
    await _until_proven(stage, late, "active")
    await stage.happened_to(late.id, late.asset["id"])
    return late


async def come_to_rest(
    stage: Stage, loans: Sequence[Loan], requisitions: Sequence[tuple[str, str | None]]
) -> None:
    """Everything is given back, mended and met; nothing waits for anything."""
    *_, last = loans
    stage.tell.chapter("It all comes to rest")
    await stage.ask(TECHNICIAN, "POST", f"{last.path}/close", expect=202)
    await _until_proven(stage, last, "closed")
    await stage.happened_to(last.id, last.asset["id"])
    await _mended(stage, loans[0].asset)
    for requisition_id, line in requisitions:
        path = f"/requisitions/{requisition_id}"
        if line is not None:
            await stage.ask(TECHNICIAN, "POST", f"{path}/lines/{line}/fulfil", {"quantity": 1})
        await stage.happened(requisition_id)
        await _must_show(stage, REQUESTER, path, {"state": "fulfilled"})
    for loan in loans:
        await _must_show(stage, REQUESTER, loan.path, {"state": "closed", "sync": None})
        await _until_asset(stage, loan.asset, "active")
        for operation_id in await stage.operations_of(loan.id):
            path = f"/inventory/operations/{operation_id}"
            await _must_show(stage, ADMINISTRATOR, path, {"state": "synced"}, "kind", "attempts")


async def _free_assets(stage: Stage) -> list[Shown]:
    """The first that nobody has and nobody has reserved. Raises ``StoryStopped``."""
    free: list[Shown] = []
    until = (datetime.now(UTC) + 2 * _LOAN).isoformat(timespec="seconds")
    page = await stage.desk.read(TECHNICIAN, "/assets", available="true", limit="100")
    for asset in page["items"]:
        known = await stage.desk.read(
            TECHNICIAN, "/availability", item_kind="asset", item_id=asset["id"], until=until
        )
        if known["available"] and asset["model"] is not None and asset["sync"] is None:
            free.append(asset)
        if len(free) == _THINGS:
            return free
    raise StoryStopped(
        f"the demo's inventory has {len(free)} free assets, and the story needs {_THINGS};"
        " return some, or start anew with another QM_DATA"
    )


async def _mended(stage: Stage, asset: Shown) -> None:
    """The repair is done: the asset may be lent again."""
    await stage.ask(ADMINISTRATOR, "POST", f"/assets/{asset['id']}/restore", expect=202)
    await _until_asset(stage, asset, "active")
    await stage.happened(*await stage.operations_of(asset["id"]))


async def _submitted(stage: Stage, purpose: str, lines: Sequence[Mapping[str, Any]]) -> str:
    body = {"project_id": await _project(stage), "purpose": purpose, "lines": lines}
    drafted = await stage.ask(REQUESTER, "POST", "/requisitions", body, expect=201)
    await stage.ask(REQUESTER, "POST", f"/requisitions/{drafted.id}/submit")
    await stage.happened(drafted.id)
    return drafted.id


async def _project(stage: Stage) -> str:
    """The demo's project. Raises ``StoryStopped``."""
    projects = await stage.desk.read(ADMINISTRATOR, "/projects")
    for project in projects["items"]:
        if project["name"] == PROJECT and project["archived_at"] is None:
            return str(project["id"])
    raise StoryStopped(f"this is not the demo: it has no project {PROJECT}")


async def _approved(stage: Stage, requisition_id: str) -> None:
    await stage.ask(APPROVER, "POST", f"/requisitions/{requisition_id}/approve")
    await stage.happened(requisition_id)


async def _until_proven(stage: Stage, loan: Loan, *states: str) -> None:
    await stage.until(
        f"Snipe-IT, read back, shows {loan.asset['asset_tag']} as asked for",
        REQUESTER,
        loan.path,
        lambda shown: shown["sync"] is None and shown["state"] in states,
        "state",
        "sync",
        "as_of",
    )


async def _until_circuit(stage: Stage, state: str) -> None:
    await stage.until(
        f"the circuit to Snipe-IT is {state}",
        TECHNICIAN,
        "/inventory/status",
        lambda shown: shown["circuit"]["state"] == state,
        "circuit",
        "operations",
    )


async def _until_asset(stage: Stage, asset: Shown, status: str) -> None:
    await stage.until(
        f"the mirror sees that {asset['asset_tag']} is {status}",
        TECHNICIAN,
        f"/assets/{asset['id']}",
        lambda shown: shown["status"] == status and shown["holder"] is None,
        "asset_tag",
        "status",
        "status_label",
        "holder",
    )


async def _must_show(stage: Stage, who: str, path: str, wanted: Shown, *more: str) -> None:
    """Raise ``StoryStopped`` unless it is so at once."""
    shown = await stage.show(who, path, *wanted, *more)
    if {name: shown[name] for name in wanted} != dict(wanted):
        raise StoryStopped(f"GET {path} should show {dict(wanted)} now, and does not")


def _terms(stage: Stage, asset: Shown) -> dict[str, Any]:
    """A hand-over over the counter, with no requisition."""
    return {
        "item": {"kind": "asset", "id": asset["id"]},
        "custodian": {"kind": "user", "id": stage.desk.ids[REQUESTER]},
        "due": (datetime.now(UTC) + _LOAN).isoformat(timespec="seconds"),
        "issue": True,
    }
