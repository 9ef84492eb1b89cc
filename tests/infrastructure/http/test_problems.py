"""Whoever is refused, or met with a fault of ours, reads what to do next."""

import pytest

from domain.errors import PermissionMissing
from infrastructure import errors
from infrastructure.errors import IdempotencyKeyReused, InfrastructureError, TooManyTries
from infrastructure.http.problems import problem_of, response_of

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.InfrastructureError)
]


def _made(kind: type[InfrastructureError]) -> InfrastructureError:
    return TooManyTries(7) if kind is TooManyTries else kind()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_machinery_tells_to_wait_only_if_it_says_how_long(
    kind: type[InfrastructureError],
) -> None:
    problem = problem_of(_made(kind))

    assert problem.help
    assert ("of Retry-After" in problem.help) <= ("Retry-After" in problem.headers)


@pytest.mark.parametrize(
    ("error", "help"),
    [
        (IdempotencyKeyReused(), b"Choose a new key"),
        (PermissionMissing("users:write"), b"Ask an administrator"),
        (ZeroDivisionError(), b"with the trace_id"),
    ],
)
def test_what_helps_stands_in_the_answer(error: Exception, help: bytes) -> None:
    assert help in response_of(problem_of(error), "trace").body
