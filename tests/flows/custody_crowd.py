"""People of one lab, its server and its inventory's own screens: everything by chance, over HTTP."""

import random
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import httpx

from tests.builders.people import NOW
from tests.flows.custody import Lab, at_once
from tests.flows.custody_requests import COUNTED, Ask, Requests
from tests.histories.judge import OUT

ASSETS: Final = (1, 2, 3, 7, 8)
USERS: Final = (2, 3)
PLACES: Final = (1, 2)
UNAVAILABLE: Final = "inventory_unavailable"
LATEST_S: Final = 3.0
"""No call takes effect later than this after it was sent; the workers know that it may."""

FAULTS: Final = (
    "maintenance",
    "database_down",
    "bad_gateway",
    "bad_gateway_after",
    "gateway_timeout",
    "error_before",
    "error_after",
    "html",
    "throttle",
    "refuse",
    "slow",
    "late",
    "slow_answer",
    "cut",
    "drop_before",
    "drop_after",
)
"""All but the loss of rights, which needs a person."""

ALWAYS: Final = ("refuse", "throttle")
"""What hits in every history, by whatever its chances."""

WITH_IT: Final = (
    "return",
    "return",
    "close",
    "approve-extension",
    "transfer",
    "report-loss",
    "resolve-drift",
)
FITTING: Final[dict[str, tuple[str, ...]]] = {
    "reserved": ("issue", "issue", "cancel"),
    "active": WITH_IT,
    "overdue": WITH_IT,
    "loss_pending": ("confirm-loss", "recover"),
}
ANYTHING: Final = ("issue", "cancel", *WITH_IT, "confirm-loss", "recover")
SENSIBLE: Final = 0.75
"""How often people do what makes sense, by what they see."""


class Crowd:
    """Whoever does something in one lab. What they do next depends on the seed and on what is shown."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self._lab = lab
        self._chance = random.Random(seed)
        self._requests = Requests(lab, self._chance)

    def live(self, seconds: float, least: int) -> None:
        """Do one thing after the other for so long, and so many at least."""
        for kind in ALWAYS:
            self._lab.inventory.order(kind, method="POST", seconds=1.0)
        end = time.monotonic() + seconds
        acts = (
            self._ask,
            self._allocate,
            self._ask_at_once,
            self._ask_twice,
            self._disturb,
            self._edit_by_hand,
            self._manage,
        )
        for done in count():
            if done >= least and time.monotonic() >= end:
                return
            (act,) = self._chance.choices(acts, (12, 3, 2, 2, 2, 3, 2))
            act()

    def bring_back(self) -> None:
        """Take back whatever is out, without a doubt."""
        for one in self._seen():
            if one["state"] in ("active", "overdue") and one["drift"] is None:
                _check(self._post(f"/assignments/{one['id']}/close", {})())

    def decide_all(self) -> bool:
        """Let a manager see to what needs attention. False once nothing is under way."""
        under_way = self._lab.open_operations()
        for operation in under_way:
            if operation["state"] == "needs_attention":
                self._decide(operation["id"])
        return bool(under_way)

    def _ask(self) -> None:
        _check(self._command(self._seen())())

    def _allocate(self) -> None:
        _check(self._requests.allocate()())

    def _ask_at_once(self) -> None:
        """Two people at the same moment."""
        seen = self._seen()
        for answer in at_once(self._command(seen), self._command(seen)):
            _check(answer)

    def _ask_twice(self) -> None:
        """One request, sent twice because nobody knows what became of it: it happens once."""
        key = f"{self._chance.getrandbits(64):x}"
        ask = self._command(self._seen(), **{"Idempotency-Key": key})
        together = self._chance.random() < 0.5
        answers = at_once(ask, ask) if together else [ask(), ask()]
        for answer in answers:
            _check(answer)
        done = [answer.json() for answer in answers if answer.is_success]
        assert all(one == done[0] for one in done), f"done twice: {done}"
        assert together or not answers[0].is_success or len(done) == len(answers), answers[1].text

    def _seen(self) -> list[dict[str, Any]]:
        """All assignments as they are shown, and shown to be true."""
        shown = self._lab.assignments()
        for one in shown:
            if (
                one["item"]["kind"] == "asset"
                and one["state"] in OUT
                and one["sync"] is None
                and one["drift"] is None
            ):
                self._was_so(one)
        return shown

    def _was_so(self, shown: dict[str, Any]) -> None:
        lab = self._lab
        custodian = lab.numbers[shown["custodian"]["id"]]
        asset = lab.numbers[shown["item"]["id"]][1]
        read_at = (datetime.fromisoformat(shown["as_of"]) - NOW).total_seconds()
        held = lab.inventory.truth.holders(asset, read_at, lab.inventory.time())
        assert custodian in held, f"{shown['id']}: {custodian} shown, {held} true"

    def _command(self, seen: list[dict[str, Any]], **headers: str) -> Ask:
        if not seen or self._chance.random() < 0.35:
            body = self._new(issue=self._chance.random() < 0.8)
            return self._post("/assignments", body, **headers)
        one = self._chance.choice(seen)
        fitting = FITTING.get(one["state"], ANYTHING)
        what = self._chance.choice(fitting if self._chance.random() < SENSIBLE else ANYTHING)
        return self._post(f"/assignments/{one['id']}/{what}", self._said_with(what), **headers)

    def _said_with(self, what: str) -> dict[str, Any]:
        """The body of a command."""
        chance = self._chance
        due = datetime.now(UTC) + timedelta(days=chance.randint(2, 20))
        bodies: dict[str, dict[str, Any]] = {
            "return": chance.choice(({}, {"units": [{"condition": "damaged"}]})),
            "approve-extension": {"due": due.isoformat()},
            "report-loss": {"kind": chance.choice(("lost", "stolen"))},
            "cancel": {"reason": "No longer needed"},
            "transfer": {"to": self._somebody()},
            "resolve-drift": {"how": chance.choice(("external_return", "reasserted", "relinked"))},
        }
        return bodies.get(what, {})

    def _new(self, *, issue: bool) -> dict[str, Any]:
        if self._chance.random() < 0.7:
            return self._lab.lending(self._chance.choice(ASSETS), self._somebody(), issue=issue)
        thing = self._chance.choice(COUNTED)
        somebody = self._lab.who("user", self._chance.choice(USERS))
        body = self._lab.lending(ASSETS[0], somebody, issue=issue)
        return {**body, "item": self._lab.item(*thing), "quantity": self._chance.randint(1, 2)}

    def _somebody(self) -> dict[str, str]:
        kind, numbers = self._chance.choice((("user", USERS), ("location", PLACES)))
        return self._lab.who(kind, self._chance.choice(numbers))

    def _post(self, path: str, body: dict[str, Any], **headers: str) -> Ask:
        by = self._chance.choice((self._lab.technician, self._lab.admin))
        return lambda: by.command("POST", path, body, **headers)

    def _manage(self) -> None:
        waiting = self._lab.admin.get("/inventory/operations", state="needs_attention")["items"]
        if waiting:
            self._decide(self._chance.choice(waiting)["id"])

    def _decide(self, operation_id: str) -> None:
        """Have it read for proof, tried again, or given up. Nothing is vouched for."""
        how = self._chance.choice(("resolve", "retry", "abandon"))
        path = f"/inventory/operations/{operation_id}/{how}"
        _check(self._lab.admin.command("POST", path, {"reason": "I have looked"}))

    def _disturb(self) -> None:
        self._lab.inventory.order(
            self._chance.choice(FAULTS),
            method=self._chance.choice(("", "GET", "POST", "POST")),
            times=self._chance.choice((1, 1, 2, 4)),
            seconds=self._chance.choice((0.2, 1.0, LATEST_S)),
        )

    def _edit_by_hand(self) -> None:
        edit: dict[str, Any] = self._chance.choice(
            (
                {"do": "checkin"},
                {"do": "checkout", "to_type": "user", "to_id": self._chance.choice(USERS)},
                {"do": "set", "table": "hardware", "fields": {"status_id": 2}},
                {"do": "set", "table": "hardware", "fields": {"status_id": 4}},
                {"do": "checkin_unit", "id": self._any_unit()},
            )
        )
        asset = self._chance.choice(self._busy() or ASSETS)
        self._lab.inventory.by_hand(**{"id": asset, **edit})

    def _any_unit(self) -> int:
        """The number of a unit that is out; 0 where none is."""
        units = self._lab.inventory.simulator.inventory.accessory_checkouts
        return self._chance.choice([*units] or [0])

    def _busy(self) -> list[int]:
        """The assets that workers are at: where a hand edit hurts most."""
        pending = self._lab.admin.get("/inventory/operations", state="pending")["items"]
        items = [one["item"] for one in pending]
        return [one["external_id"] for one in items if one["kind"] == "asset"]


def _check(answer: httpx.Response) -> None:
    """A refusal is an answer, too; a breakdown is not."""
    is_answer = answer.status_code < 500 or answer.json()["code"] == UNAVAILABLE
    assert is_answer, f"{answer.request.url}: {answer.status_code} {answer.text}"
