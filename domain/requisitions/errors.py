"""Refusals of a requisition, named after the rule they protect."""

from domain.errors import Forbidden, InvalidField, InventoryUnavailable, NotFound, RuleBroken


class NotProjectMember(Forbidden):
    """Only members of a project ask for equipment in its name."""

    code = "not_project_member"
    help = "Ask a lead of the project to add you."


class NotRequester(Forbidden):
    """Only the requester may do this."""

    code = "not_requester"
    help = "Ask the requester to do it."


class NotApprover(Forbidden):
    """Only those who may approve this step decide it."""

    code = "not_approver"
    help = "Ask somebody who holds the step's permission, or to be made their delegate."


class OwnRequisition(Forbidden):
    """Nobody decides about their own requisition."""

    code = "own_requisition"
    help = "Leave it to another approver, or be granted requisitions:approve-own."


class LineNotFound(NotFound):
    """The requisition has no such line."""

    code = "line_not_found"


class KindNotAvailable(InvalidField):
    """Items of this kind come with the inventory, which is not connected."""

    code = "kind_not_available"
    help = "Ask for what the inventory has, one line each, or for a purchase and describe it."


class WrongState(RuleBroken):
    """The requisition's state does not allow this."""

    code = "wrong_state"
    help = "Its transitions say what can be done now."


class NoLines(RuleBroken):
    """A requisition without lines asks for nothing."""

    code = "no_lines"
    help = "Add a line first."


class TooManyLines(RuleBroken):
    """A requisition has a largest number of lines."""

    code = "too_many_lines"
    help = "Draft another requisition for the rest."


class ProjectArchived(RuleBroken):
    """Nothing is asked for in the name of an archived project."""

    code = "project_archived"
    help = "Choose a project that is still running."


class PolicyDoesNotApply(RuleBroken):
    """A requisition goes through a policy that applies to it."""

    code = "policy_does_not_apply"
    help = "Name a policy whose project and amount fit, or none."


class PolicyLessSpecific(RuleBroken):
    """A more specific policy than the named one applies."""

    code = "policy_less_specific"
    help = "Name one of the most specific policies that apply, or none."


class AvailabilityUnknown(InventoryUnavailable):
    """The policy needs to know what the inventory has left, and nobody can say just now."""


class NothingApproved(RuleBroken):
    """A step approves at least one unit."""

    code = "nothing_approved"
    help = "Reject the requisition, or approve some of it."


class MoreThanAsked(RuleBroken):
    """A step approves no more than was asked, or than the step before it left."""

    code = "more_than_asked"
    help = "Approve fewer, or request changes."


class DelegateNotPermitted(RuleBroken):
    """A step is handed only to somebody who may approve."""

    code = "delegate_not_permitted"
    help = "Choose a member with requisitions:approve or the step's permission."


class DelegateIsRequester(RuleBroken):
    """A step is not handed to the requester."""

    code = "delegate_is_requester"
    help = "Choose another approver."


class DelegationLoop(RuleBroken):
    """A step is not handed back to somebody it has been with."""

    code = "delegation_loop"
    help = "Choose somebody whom this step has not been with."


class MoreThanOpen(RuleBroken):
    """No more units can be met or closed than are approved and still open."""

    code = "more_than_open"
    help = "Use at most the line's approved units that are neither met nor closed."


class NotAPurchase(RuleBroken):
    """Only a purchase is met by word; everything else goes through the inventory."""

    code = "not_a_purchase"
    help = "Allocate and issue it."


class AlreadyIssued(RuleBroken):
    """What was issued cannot be cancelled."""

    code = "already_issued"
    help = "Close the rest short."


class BeingIssued(RuleBroken):
    """Units on their way out are waited for."""

    code = "being_issued"
    help = "Repeat this when the inventory has answered."


class NotDue(RuleBroken):
    """A requisition expires only after the time it is needed until."""

    code = "not_due"
    help = "Wait until then."


class NotInInventory(RuleBroken):
    """A purchase has nothing in the inventory that could be kept for it."""

    code = "not_in_inventory"
    help = "Fulfil the line when the purchase was handed over."


class SubstitutionNeedsReason(RuleBroken):
    """What is kept for a line is what it asks for, unless somebody says why not."""

    code = "substitution_needs_reason"
    help = "Choose an item that the line asks for, or say why with substitution_reason."


class NotAllocated(RuleBroken):
    """No such assignment keeps units of this requisition."""

    code = "not_allocated"
    help = "Its lines say which assignments do."
