"""A lab that lends out what a Snipe-IT holds: real processes, and the inventory's own truth.

Everything is asked over HTTP: the two APIs as users do, the simulated inventory by its control
API. Only the judgement looks behind them, into the log and into the simulator's memory.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, Final

import httpx

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.seed import Dump, read_dump
from demo.snipe_it_simulator.simulator import Settings, Simulator
from domain.ids import Id
from domain.inventory.servers import EVERY_TENANT
from domain.inventory_operations.events import Requested
from domain.inventory_operations.kinds import Kind
from infrastructure.embedded.machine import free_port
from infrastructure.event_store.log_scan import scanned
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row
from tests.builders.people import NOW
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Process, Processes, eventually
from tests.fixtures.simulator import served
from tests.flows.live import Live, Person, add_user, sign_up
from tests.histories.ending import sent_more_than_once, too_many_units
from tests.histories.judge import Judge
from tests.histories.truth import Holder, Truth, watched
from tests.snipe_it_recordings import SEED

LABELS: Final = {"deployable": 2, "lost": 4, "stolen": 4, "repair": 5}
"""The status labels of the recorded inventory, by what we use them for."""

AS_RECORDED: Final = Settings(
    calls_per_minute=6000,
    answer_after_s=0.03,
    before_write_s=0.02,
    between_writes_s=0.005,
    jitter=1.0,
)
"""The pauses of the live server, of which two checkouts at once make use in 18 of 40 cases."""

FIRST_COPY: Final = 101
READY_WITHIN_S: Final = 120.0


def inventory_of(copies: int = 0, people: str = "") -> Simulator:
    """The recorded inventory, with ``copies`` more of its first printer.

    ``people`` follows every user name: one name is one user, in all tenants.
    """
    dump = deepcopy(read_dump(SEED))
    for user in dump["users"]:
        name = f"{user['username']}{people}"
        user.update(username=name, email=f"{name}@lab.example")
    dump["hardware"] += [_copied(dump, FIRST_COPY + number) for number in range(copies)]
    return Simulator(dump, first_settings=AS_RECORDED)


def _copied(dump: Dump, id: int) -> Row:
    return {**dump["hardware"][0], "id": id, "asset_tag": f"3DP-{id:04}", "serial": f"SN-{id:04}"}


@dataclass
class Inventory:
    """A simulated Snipe-IT that is served, and what was true in it at every moment."""

    simulator: Simulator
    people: str = ""
    truth: Truth = field(init=False)
    http: httpx.Client = field(init=False)
    """At its address. Kept: to make a client takes longer than most calls."""

    @property
    def url(self) -> str:
        """Where it is served."""
        return str(self.http.base_url).rstrip("/")

    @property
    def token_place(self) -> str:
        """The variable in which its token stands."""
        return f"QM_SNIPE_IT_TOKEN_{self.http.base_url.port}"

    @property
    def entry(self) -> str:
        """What an operator writes down to let tenants connect to it."""
        return f"{self.url} env:{self.token_place} {EVERY_TENANT}"

    def time(self) -> float:
        """Seconds since the moment from which the judge counts."""
        return (datetime.now(UTC) - NOW).total_seconds()

    def order(self, kind: str, **fault: Any) -> None:
        """Let it misbehave."""
        self._control("POST", "faults", {"kind": kind, **fault})

    def heal(self) -> None:
        """No faults any more."""
        self._control("DELETE", "faults")

    def by_hand(self, **edit: Any) -> bool:
        """Change it as people do in its own screens. False where that cannot be done."""
        return self.http.post("/simulator/edit", json=edit).is_success

    def check_out(self, asset: int, user: int) -> bool:
        """Hand an asset out as some other program with a token does; what it was answered."""
        answer = self.http.post(
            f"/api/v1/hardware/{asset}/checkout",
            json={"checkout_to_type": "user", "assigned_user": user},
            headers={"Authorization": f"Bearer {DEMO_TOKEN}", "Accept": "application/json"},
        )
        return bool(answer.json()["status"] == "success")

    def holder(self, asset: int) -> Holder | None:
        """Who truly has an asset."""
        stored = self.simulator.inventory.assets[asset]
        if stored.assigned_type is None or stored.assigned_to is None:
            return None
        return stored.assigned_type, stored.assigned_to

    def checkouts(self, asset: int) -> list[str | None]:
        """The notes of all checkouts of an asset in the activity report."""
        report = tuple(self.simulator.inventory.activity.values())
        mine = [row for row in report if (row.item_type, row.item_id) == ("asset", asset)]
        return [row.note for row in mine if row.action_type == "checkout"]

    def calls(self, asset: int) -> int:
        """How many calls about an asset it has answered."""
        path = f"/api/v1/hardware/{asset}"
        return sum(call.path.startswith(path) for call in tuple(self.simulator.seen))

    def _control(self, method: str, what: str, body: Mapping[str, Any] | None = None) -> None:
        answer = self.http.request(method, f"/simulator/{what}", json=body)
        assert answer.is_success, answer.text


@contextmanager
def open_inventories(*inventories: Inventory) -> Iterator[None]:
    """Serve them, and note every change, for the length of the block."""
    with ExitStack() as exits:
        for one in inventories:
            one.truth = exits.enter_context(watched(one))
        urls = exits.enter_context(served(*[one.simulator for one in inventories]))
        for one, url in zip(inventories, urls, strict=True):
            client = httpx.Client(base_url=url, timeout=10, trust_env=False)
            one.http = exits.enter_context(client)
        yield


@dataclass
class System:
    """Every process of the product on one database, without a broker."""

    database: Database
    processes: Processes
    live: Live

    def worker(self, **environment: str) -> Process:
        """One more process that brings what was asked for into the inventories."""
        return self.processes.start("snipe-it-sync", **environment)


@contextmanager
def running_system(
    database: Database, processes: Processes, inventories: Sequence[Inventory], **settings: str
) -> Iterator[System]:
    """All processes but the sync workers, for the length of the block."""
    processes.environment |= {
        "QM_SNIPE_IT_ALLOWED_URLS": ", ".join(one.entry for one in inventories),
        "QM_SIGN_UPS_PER_HOUR": "1000000",
        "QM_SNIPE_IT_CALLS_PER_MINUTE": "6000",
        "QM_SNIPE_IT_WATCH_EVERY_S": "0.5",
        "QM_MIRROR_CALLS_PER_MINUTE": "6000",
        **{one.token_place: DEMO_TOKEN for one in inventories},
        **settings,
    }
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    api = processes.start("api", "both", "--port", str(port))
    for name in ("projector", "timers", "mirror"):
        processes.start(name)
    eventually(lambda: _is_ready(origin, api), f"{origin} ready", READY_WITHIN_S)
    with httpx.Client(trust_env=False, limits=httpx.Limits(max_connections=64)) as http:
        yield System(database, processes, Live(origin, origin, http))


def _is_ready(origin: str, api: Process) -> bool:
    assert api.is_running, api.log
    try:
        return httpx.get(f"{origin}/health/ready", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


@dataclass
class Lab:
    """One tenant with its inventory: who works there, and what of ours stands for what."""

    system: System
    inventory: Inventory
    admin: Person
    technician: Person
    members: dict[str, Person]
    tenant_id: Id
    ids: dict[tuple[str, int], Id] = field(default_factory=dict)
    numbers: dict[Id, Holder] = field(default_factory=dict)

    def item(self, kind: str, number: int) -> dict[str, str]:
        """A thing to lend, by the inventory's number."""
        return {"kind": kind, "id": self.ids[kind, number]}

    def who(self, kind: str, number: int) -> dict[str, str]:
        """A custodian by the inventory's number."""
        return {"kind": kind, "id": self.ids[kind, number]}

    def lending(self, asset: int, to: dict[str, str], **more: Any) -> dict[str, Any]:
        """The body of a new assignment."""
        due = (datetime.now(UTC) + timedelta(days=5)).isoformat()
        return {"item": self.item("asset", asset), "custodian": to, "due": due, **more}

    def assignments(self, **query: Any) -> list[dict[str, Any]]:
        """All assignments, as the query API shows them."""
        page = self.admin.get("/assignments", limit="500", **query)
        assert page["next"] is None
        found: list[dict[str, Any]] = page["items"]
        return found

    def wait_for(
        self, assignment_id: str, is_so: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        """Return an assignment once it is shown to be so."""
        shown: dict[str, Any] = {}

        def shows_it() -> bool:
            shown.update(self.admin.get(f"/assignments/{assignment_id}"))
            return is_so(shown)

        eventually(shows_it, f"{what}: {assignment_id}")
        return shown

    def open_operations(self) -> list[dict[str, Any]]:
        """Operations that a worker or a person has still to see to."""
        found = []
        for state in ("pending", "needs_attention"):
            page = self.admin.get("/inventory/operations", state=state, limit="500")
            found += page["items"]
        return found

    def log(self) -> list[RecordedEvent]:
        """Everything that has happened in the tenant, in order."""
        return asyncio.run(_events(self.system.database, self.tenant_id))

    def judge(self) -> Judge:
        """Fail where any row, after any event, claimed what the inventory did not hold then.

        Fail, too, where an operation took effect more often than it was asked for.
        """
        log = self.log()
        judge = Judge(self.inventory.truth, self.custodian_of)
        judge.hear(log)
        repeated = sent_more_than_once(self.inventory.simulator, _asked(log))
        repeated += too_many_units(self.inventory.truth, _wanted(log))
        assert not repeated, repeated
        return judge

    def custodian_of(self, row: Row) -> Holder:
        """Whom the inventory must name where an assignment's row says that it is out."""
        return self.numbers[row["custodian_id"]]

    def holder_of(self, row: Row) -> Holder | None:
        """Who truly has an assignment's asset now."""
        return self.inventory.holder(self.numbers[row["item_id"]][1])


def open_lab(system: System, inventory: Inventory, *members: str) -> Lab:
    """A new tenant, connected over HTTP, with its mirror filled and its people matched.

    ``members`` are user names of the recorded inventory; the technician is not one of them.
    """
    people = inventory.people
    admin = sign_up(system.live, f"ada{people}", f"Lab{people}")
    technician = add_user(admin, f"tom{people}", "technician")
    joined = {name: add_user(admin, f"{name}{people}", "requester") for name in members}
    connection = {
        "base_url": inventory.url,
        "token_source": f"env:{inventory.token_place}",
        "status_labels": LABELS,
    }
    answer = admin.command("PUT", "/inventory/connection", connection)
    assert answer.is_success, answer.text
    tenant_id = str(admin.get("/me")["tenant"]["id"])
    lab = Lab(system, inventory, admin, technician, joined, tenant_id)
    eventually(lambda: admin.get("/inventory/status")["mirror"]["swept_at"] is not None, "a mirror")
    for kind in ("asset", "model", "accessory", "consumable", "user", "location"):
        _learn(lab, kind)
    return lab


def _learn(lab: Lab, kind: str) -> None:
    page = lab.admin.get("/inventory/mappings", kind=kind, matched="true", limit="500")
    for one in page["items"]:
        lab.ids[kind, one["external_id"]] = one["id"]
        lab.numbers[one["id"]] = kind, one["external_id"]


def at_once(*acts: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Do all of it at the same moment."""
    barrier = Barrier(len(acts))

    def do(act: Callable[[], httpx.Response]) -> httpx.Response:
        barrier.wait(10)
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(do, acts))


async def _events(database: Database, tenant_id: Id) -> list[RecordedEvent]:
    found: list[RecordedEvent] = []
    async with scanned(database.url("rebuild")) as scan:
        _, head = await scan.head()
        async for some in scan.read(head):
            found += [one for one in some if one.tenant_id == tenant_id]
    return sorted(found, key=lambda one: one.position)


def _asked(log: Sequence[RecordedEvent]) -> dict[Id, int]:
    """How often each checkout was asked for."""
    asked: dict[Id, int] = {}
    for recorded in log:
        if recorded.kind != "inventory_operation":
            continue
        event: Any = recorded.event
        if recorded.version == 1 and event.kind == "checkout":
            asked[recorded.aggregate_id] = 1
        elif "retry_ordered" in recorded.topic and recorded.aggregate_id in asked:
            asked[recorded.aggregate_id] += 1
    return asked


def _wanted(log: Sequence[RecordedEvent]) -> dict[Id, int]:
    """How many units each hand-over of units was to bring."""
    wanted: dict[Id, int] = {}
    for recorded in log:
        event: Any = recorded.event if recorded.topic == Requested.TOPIC else None
        if event is not None and event.kind == Kind.QUANTITY_CHECKOUT:
            wanted[recorded.aggregate_id] = int(event.wanted["quantity"])
    return wanted
