"""Refusals of an assignment and of an item's book, named after the rule they protect."""

from domain.errors import Forbidden, RuleBroken


class NotCustodian(Forbidden):
    """Only the custodian may do this."""

    code = "not_custodian"
    help = "Ask the person who has the item."


class WrongState(RuleBroken):
    """The assignment's state does not allow this."""

    code = "wrong_state"
    help = "Its transitions say what can be done now."


class HandedOn(RuleBroken):
    """It is being handed on, so it is not settled yet who has it."""

    code = "handed_on"
    help = (
        "Repeat this when its sync is null, on the assignment of whoever has it then. Where its"
        " sync needs attention, an inventory manager settles that first."
    )


class InventoryAsked(RuleBroken):
    """The inventory has not answered the last change of this assignment yet."""

    code = "inventory_asked"
    help = "Repeat this when its sync is null, or resolve what needs attention."


class NotAwaited(RuleBroken):
    """The assignment does not wait for this operation."""

    code = "operation_not_awaited"
    help = "Its history says what became of it."


class DuePassed(RuleBroken):
    """What is due back already is not handed out."""

    code = "due_passed"
    help = "Cancel the reservation and make a new one."


class ItemHeld(RuleBroken):
    """The item is reserved or out for somebody else in this time."""

    code = "item_held"
    help = "Choose another item or another time."


class ItemOut(RuleBroken):
    """Somebody else has the item, or is being handed it."""

    code = "item_out"
    help = "Take it back first, or choose another item."


class NotEnoughUnits(RuleBroken):
    """There are fewer units of the item than are wanted in this time."""

    code = "not_enough_units"
    help = "Ask for fewer units or another time."


class AssetOnly(RuleBroken):
    """Only an asset can be reported lost: it alone has a status in the inventory."""

    code = "asset_only"
    help = "Return the units that are gone with the condition missing."


class MoreThanOutstanding(RuleBroken):
    """No more units come back than are out."""

    code = "more_than_outstanding"
    help = "Return at most the units that are out and not already on their way back."


class ConditionUnfit(RuleBroken):
    """An asset that did not come back, or was used up, was not returned."""

    code = "condition_unfit"
    help = "Report it lost instead."


class NoDueDate(RuleBroken):
    """What was lent for good is not extended."""

    code = "no_due_date"
    help = "There is nothing to do: it may be kept."


class DueNotLater(RuleBroken):
    """An extension ends later than the present due date, and in the future."""

    code = "due_not_later"
    help = "Name a later date."


class TooEarlyToRenew(RuleBroken):
    """An extension is asked for only when the item is soon due back."""

    code = "too_early_to_renew"
    help = "Ask again shortly before it is due."


class TooManyRenewals(RuleBroken):
    """An assignment is extended a limited number of times."""

    code = "too_many_renewals"
    help = "Return the item, or ask a technician."


class NoExtensionRequested(RuleBroken):
    """Nobody has asked for an extension."""

    code = "no_extension_requested"
    help = "Name the new due date."


class NotDue(RuleBroken):
    """Nobody is reminded before the time, and nothing is overdue before its due date."""

    code = "not_due"
    help = "Wait until then."


class SameCustodian(RuleBroken):
    """An item is handed on to somebody else."""

    code = "same_custodian"
    help = "Extend the assignment instead."


class NoDrift(RuleBroken):
    """The inventory agrees with this assignment, as far as is known."""

    code = "no_drift"
    help = "There is nothing to do: its page says what the inventory knows."


class HeldByAnother(RuleBroken):
    """The inventory says that somebody else has the item: that is not to be taken from them."""

    code = "held_by_another"
    help = "Relink this assignment to them, or check the item in in the inventory."


class NotLost(RuleBroken):
    """The inventory says that somebody else has the item: it is not lost."""

    code = "not_lost"
    help = "Have it checked in in the inventory. Then confirm the loss, or recover the item."


class HeldByNobody(RuleBroken):
    """The inventory says that nobody has the item: there is nobody to relink it to or to remind."""

    code = "held_by_nobody"
    help = "Take it as returned, or reassert this assignment in the inventory."
