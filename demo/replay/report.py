"""What the query API shows after a replay, held against what the file implies."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.replay.api import Api, ReplayStopped
from demo.replay.data_file import Row
from demo.replay.driver import Difference, Outcome, case_of
from demo.replay.mapping import CasePlan
from demo.replay.tenant import Crew

_SHOWN = 50
_PAGE = 500
_REQUISITION_EVENTS = "requisition."


@dataclass(frozen=True, slots=True)
class Found:
    """What the query API shows: states and stored event names, by case.

    A case has as many states as it has requisitions; one is right.
    """

    states: Mapping[str, Sequence[str]]
    events: Mapping[str, Counter[str]]


async def look(api: Api, crew: Crew, position: int) -> Found:
    """Read all requisitions and the audit log as of ``position`` or later.

    Raises ``ReplayStopped`` if the query API does not give them.
    """
    states: defaultdict[str, list[str]] = defaultdict(list)
    cases: dict[str, str] = {}
    async for item in _items(api, crew, "/requisitions", position):
        cases[item["id"]] = case_of(item["purpose"])
        states[cases[item["id"]]].append(item["state"])
    events: defaultdict[str, Counter[str]] = defaultdict(Counter)
    async for item in _items(api, crew, "/audit", position):
        if item["type"].startswith(_REQUISITION_EVENTS):
            events[cases.get(item["aggregate_id"], item["aggregate_id"])][item["type"]] += 1
    return Found(states, events)


async def _items(
    api: Api, crew: Crew, path: str, position: int
) -> AsyncIterator[Mapping[str, Any]]:
    params: dict[str, str | int] = {"limit": _PAGE}
    while True:
        reply = await api.read(path, token=crew.administrator, position=position, params=params)
        if not reply.ok:
            raise ReplayStopped(f"GET {path} was answered {reply.status} {reply.code}")
        for item in reply.body["items"]:
            yield item
        if not reply.body["next"]:
            return
        params = {"limit": _PAGE, "cursor": reply.body["next"]}


def differences(plans: Sequence[CasePlan], outcome: Outcome, found: Found) -> list[Difference]:
    """Every case that is not as the file implies, each with what differs."""
    return list(outcome.differences) + [
        Difference(plan.case, what) for plan in plans for what in _differences(plan, found)
    ]


def _differences(plan: CasePlan, found: Found) -> list[str]:
    states = list(found.states.get(plan.case, ()))
    events = found.events.get(plan.case, Counter())
    wrong = []
    if states != [plan.final_state]:
        shown = " and ".join(states) or "not there"
        wrong.append(f"is {shown}, the file implies {plan.final_state}")
    wrong.extend(
        f"{name}: {events[name]} stored, the file implies {plan.events[name]}"
        for name in sorted(plan.events.keys() | events.keys())
        if events[name] != plan.events[name]
    )
    return wrong


def show(
    console: Console,
    cases: Mapping[str, Sequence[Row]],
    plans: Sequence[CasePlan],
    outcome: Outcome,
    found: Found,
) -> bool:
    """Print the report; True if nothing differs."""
    wrong = differences(plans, outcome, found)
    console.print(_activities(cases, plans))
    console.print(_events(plans, found))
    console.print(_states(plans, found))
    console.print(_refusals(outcome))
    if wrong:
        console.print(_wrong(wrong))
    rate = outcome.commands / outcome.seconds if outcome.seconds else 0.0
    console.print(
        f"{outcome.commands:,} commands in {outcome.seconds:.1f} s: {rate:,.0f} commands/s"
        f" ({outcome.replayed:,} of them answered from an earlier run)"
    )
    verdict = f"{len(wrong):,} differences" if wrong else "nothing differs"
    console.print(f"{len(plans):,} cases: {verdict}")
    return not wrong


def _activities(cases: Mapping[str, Sequence[Row]], plans: Sequence[CasePlan]) -> Table:
    rows = Counter(row.activity for rows in cases.values() for row in rows)
    commands: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for plan in plans:
        for command in plan.commands:
            commands[command.activity][command.action.value] += 1
    table = Table(title="Activities as commands")
    table.add_column("activity in the file", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("as commands")
    for activity, count in sorted(rows.items(), key=lambda pair: -pair[1]):
        given = ", ".join(f"{name} {n:,}" for name, n in commands[activity].most_common())
        table.add_row(activity, f"{count:,}", given or "-")
    table.add_row("all", f"{rows.total():,}", f"{sum(len(p.commands) for p in plans):,} commands")
    return table


def _events(plans: Sequence[CasePlan], found: Found) -> Table:
    implied: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    sources: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for plan in plans:
        implied += plan.events
        stored += found.events.get(plan.case, Counter())
        for command in plan.commands:
            for name in command.events:
                sources[name][command.activity] += 1
    table = Table(title="Events stored, against activities in the file")
    table.add_column("event", no_wrap=True)
    table.add_column("from activities", overflow="fold")
    table.add_column("implied", justify="right")
    table.add_column("stored", justify="right")
    table.add_column("")
    for name in sorted(implied.keys() | stored.keys(), key=lambda name: -implied[name]):
        origin = "\n".join(f"{text} {n:,}" for text, n in sources[name].most_common())
        table.add_row(
            name, origin, f"{implied[name]:,}", f"{stored[name]:,}", _mark(implied, stored, name)
        )
    total = "same" if implied == stored else "DIFFERS"
    table.add_row("all", "", f"{implied.total():,}", f"{stored.total():,}", total)
    return table


def _states(plans: Sequence[CasePlan], found: Found) -> Table:
    implied = Counter(plan.final_state for plan in plans)
    shown = Counter(state for plan in plans for state in found.states.get(plan.case, ()))
    table = Table("final state", title="Final states")
    table.add_column("implied", justify="right")
    table.add_column("in the query API", justify="right")
    table.add_column("")
    for state in sorted(implied.keys() | shown.keys(), key=lambda state: -implied[state]):
        table.add_row(
            state, f"{implied[state]:,}", f"{shown[state]:,}", _mark(implied, shown, state)
        )
    return table


def _refusals(outcome: Outcome) -> Table:
    table = Table("case", "row", "command", "answer", title="Refused, as they must be")
    for refusal in sorted(outcome.refusals, key=lambda refusal: (refusal.case, refusal.row)):
        table.add_row(
            refusal.case, str(refusal.row), refusal.action, f"{refusal.status} {refusal.code}"
        )
    return table


def _wrong(wrong: Sequence[Difference]) -> Table:
    table = Table("case", "what differs", title=f"{len(wrong):,} differences")
    for difference in wrong[:_SHOWN]:
        table.add_row(difference.case, difference.what)
    if len(wrong) > _SHOWN:
        table.add_row("…", f"and {len(wrong) - _SHOWN:,} more")
    return table


def _mark(implied: Counter[str], found: Counter[str], name: str) -> str:
    return "same" if implied[name] == found[name] else "DIFFERS"
