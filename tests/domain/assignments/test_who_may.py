"""Who may give which command."""

from typing import Final

import pytest

from domain.assignments import rules
from domain.assignments.rules import Command
from domain.caller import Caller
from domain.errors import Forbidden
from tests.builders.assignments import CUSTODIAN, MANAGER, WORKSHOP, active
from tests.builders.people import OTHER_MEMBER, TECHNICIAN, person

TABLE = """
                   custodian  member     technician  manager
issue              missing    missing    +           +
cancel             missing    missing    +           +
accept             +          missing    +           +
decline            +          custodian  custodian   custodian
request-extension  +          missing    +           +
approve-extension  missing    missing    +           +
refuse-extension   missing    missing    +           +
return             missing    missing    +           +
close              missing    missing    +           +
report-loss        +          missing    +           +
confirm-loss       missing    missing    missing     +
recover            missing    missing    +           +
transfer           missing    missing    +           +
resolve-drift      missing    missing    missing     +
"""
CODES: Final = {"+": None, "missing": "permission_missing", "custodian": "not_custodian"}
PEOPLE: Final = {
    "custodian": CUSTODIAN,
    "member": OTHER_MEMBER,
    "technician": TECHNICIAN,
    "manager": MANAGER,
}


def _cells() -> list[tuple[Command, str, str | None]]:
    head, *rows = (row.split() for row in TABLE.strip().splitlines())
    return [
        (Command(name), who, CODES[cell])
        for name, *cells in rows
        for who, cell in zip(head, cells, strict=True)
    ]


def _refusal(command: Command, by: Caller) -> str | None:
    try:
        rules.require(command, active().view(), by)
    except Forbidden as refused:
        return refused.code
    return None


def test_the_table_names_every_command() -> None:
    assert {command for command, _, _ in _cells()} == set(Command)


@pytest.mark.parametrize(("command", "who", "code"), _cells(), ids=str)
def test_who_may(command: Command, who: str, code: str | None) -> None:
    assert _refusal(command, PEOPLE[who]) == code


@pytest.mark.parametrize(
    "command",
    [Command.ACCEPT, Command.DECLINE, Command.REQUEST_EXTENSION, Command.REPORT_LOSS],
)
def test_a_custodian_needs_no_permission_for_what_they_hold(command: Command) -> None:
    assert _refusal(command, person("requester")) is None


def test_nobody_is_the_custodian_of_what_a_location_has() -> None:
    view = active(custodian=WORKSHOP).view()
    for by in PEOPLE.values():
        with pytest.raises(Forbidden):
            rules.require(Command.DECLINE, view, by)
