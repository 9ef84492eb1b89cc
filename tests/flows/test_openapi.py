"""Both APIs hold what their OpenAPI documents promise, whatever is sent to them."""

from collections import Counter
from typing import Any, Final

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fixtures.postgres import Database
from tests.flows.custody_makers import CUSTODY_MAKERS
from tests.flows.desk import Desk, Ready, is_success, open_desk, sent_with, wait_until_visible
from tests.flows.live import Live
from tests.flows.makers import MAKERS

EXAMPLES: Final = 52
EXAMPLES_AT_LEAST: Final = 50
READY_EVERY: Final = 5
"""Of so many examples, one is of a request that must succeed: what it needs costs several more."""
READY_TURN: Final = 1
"""Not 0, which hypothesis prefers to all others."""
REACHED_AT_LEAST: Final = 0.8
CALL_TIMEOUT_S: Final = 40
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NOT_WRITTEN: Final = "position_not_written"
"""A Min-Position that nobody has written yet is answered 503, as documented: no server error."""


@pytest.mark.timeout(900)  # some fifty requests for each operation
@pytest.mark.parametrize("side", ["commands", "queries"])
def test_no_answer_is_outside_the_schema(live: Live, database: Database, side: str) -> None:
    with open_desk(live, database) as desk:
        wait_until_visible(desk)
        _check(getattr(live, side), desk)


def _check(origin: str, desk: Desk) -> None:
    schema = schemathesis.openapi.from_url(f"{origin}/openapi.json")
    sent: Counter[str] = Counter()
    reached: Counter[str] = Counter()

    failures = []
    with requests.Session() as session:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            try:
                _probe(result.ok(), session, desk, sent, reached)
            except (AssertionError, BaseExceptionGroup) as failure:
                failures.append(failure)
    if failures:
        raise BaseExceptionGroup("answers outside the schema", failures)
    assert len(sent) > 5, f"only {sorted(sent)} were found in the document"
    assert min(sent.values()) >= EXAMPLES_AT_LEAST, sent
    never = sorted(name for name in sent if not reached[name])
    assert len(never) <= (1 - REACHED_AT_LEAST) * len(sent), f"never a 2xx: {never}"


def _probe(
    operation: Any,
    session: requests.Session,
    desk: Desk,
    sent: Counter[str],
    reached: Counter[str],
) -> None:
    name = operation.definition.raw["operationId"]

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        case=st.one_of(
            operation.as_strategy(schemathesis.GenerationMode.POSITIVE),
            operation.as_strategy(schemathesis.GenerationMode.NEGATIVE),
        ),
        turn=st.integers(0, 10**6),
    )
    def probe(case: Any, turn: int) -> None:
        headers = desk.asking(name).headers
        if turn % READY_EVERY == READY_TURN:
            ready = _ready(desk, name)
            headers = sent_with(ready)
            case.path_parameters = dict(ready.path)
            case.body = NOT_SET if ready.body is None else ready.body
            case.query = dict(ready.query)
            case.headers = {}
        response = case.call(session=session, headers=headers, timeout=CALL_TIMEOUT_S)
        sent[name] += 1
        reached[name] += is_success(response.status_code)
        case.validate_response(response, checks=CHECKS[_is_not_written(response) :])

    probe()


def _ready(desk: Desk, name: str) -> Ready:
    make = MAKERS.get(name) or CUSTODY_MAKERS.get(name)
    return Ready(desk.admin) if make is None else make(desk)


def _is_not_written(response: Any) -> bool:
    return bool(response.status_code == 503 and response.json()["code"] == NOT_WRITTEN)
