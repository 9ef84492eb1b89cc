"""The peer's rules: the same as ours for the commands that both know."""

from collections.abc import Sequence
from typing import Any

from bench.crud_peer.tables import Line, Policy, Requisition


class Refused(Exception):
    """A request that is turned down: an HTTP status, a stable code, a sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


def require_state(requisition: Requisition, *states: str) -> None:
    """Raise unless the requisition is in one of ``states``."""
    if requisition.state not in states:
        raise Refused(409, "wrong_state", f"The requisition is {requisition.state}.")


def policy_for(requisition: Requisition, policies: Sequence[Policy]) -> list[dict[str, Any]]:
    """The steps of the most specific policy that applies; the named one among equals."""
    fitting = [policy for policy in policies if _applies(policy, requisition)]
    named = next((policy for policy in fitting if policy.id == requisition.policy_id), None)
    if requisition.policy_id and named is None:
        raise Refused(409, "policy_does_not_apply", "The named policy does not apply.")
    if not fitting:
        return [{"name": "Approval", "permission": "requisitions:approve"}]
    tier = max(_rank(policy) for policy in fitting)
    if named is not None and _rank(named) < tier:
        raise Refused(409, "policy_less_specific", "A more specific policy applies.")
    chosen = named or next(policy for policy in fitting if _rank(policy) == tier)
    return chosen.steps


def may_approve(requisition: Requisition, user_id: object, permissions: Sequence[str]) -> None:
    """Raise unless this user may approve the present step."""
    if requisition.state != "submitted":
        if "requisitions:approve" not in permissions:
            raise Refused(403, "not_approver", "This needs the permission of the step.")
        return
    step = (requisition.steps or [])[requisition.step]
    if step["permission"] not in permissions:
        raise Refused(403, "not_approver", "This needs the permission of the step.")
    if requisition.requester_id == user_id and "requisitions:approve-own" not in permissions:
        raise Refused(403, "own_requisition", "Somebody else has to approve your requisition.")


def approved_quantities(
    lines: Sequence[Line], asked: dict[str, int] | None
) -> list[tuple[Line, int]]:
    """What each line is approved for: as asked, at most as the step before left it."""
    result = []
    for line in lines:
        left = line.requested if line.approved is None else line.approved
        quantity = (asked or {}).get(str(line.id), left)
        if not 0 <= quantity <= left:
            raise Refused(409, "more_than_asked", "No more than what was asked for.")
        result.append((line, quantity))
    if not any(quantity for _, quantity in result):
        raise Refused(409, "nothing_approved", "At least one unit has to be approved.")
    return result


def after_fulfilment(lines: Sequence[Line]) -> str:
    """The state that the quantities of the lines imply."""
    done = all(line.issued == (line.approved or 0) for line in lines)
    return "fulfilled" if done else "fulfilling"


def _applies(policy: Policy, requisition: Requisition) -> bool:
    if policy.project_id not in (None, requisition.project_id):
        return False
    return policy.min_amount is None or (
        requisition.amount is not None and requisition.amount >= policy.min_amount
    )


def _rank(policy: Policy) -> tuple[bool, bool, float]:
    by_amount = policy.min_amount is not None
    return (policy.project_id is not None, by_amount, float(policy.min_amount or 0))
