"""The real aggregate makes of every plan what the plan expects."""

import pytest
from hypothesis import given

from demo.replay.data_file import Row, read_cases
from demo.replay.mapping import CasePlan, plan, plan_all
from tests.replay.on_the_domain import DomainRun
from tests.replay.sample import SAMPLE, histories

REAL_CASES = plan_all(read_cases(SAMPLE))


def assert_as_planned(case: CasePlan) -> None:
    run = DomainRun(case)
    assert run.state == case.final_state
    assert run.events == case.events
    assert run.refused == [command.row for command in case.commands if command.refused]


@pytest.mark.parametrize("case", REAL_CASES, ids=[case.case for case in REAL_CASES])
def test_a_real_case_ends_as_planned(case: CasePlan) -> None:
    assert_as_planned(case)


@given(histories)
def test_any_history_ends_as_planned(history: list[Row]) -> None:
    assert_as_planned(plan(history))
