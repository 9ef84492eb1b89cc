"""Refusals of an inventory operation, named after the rule they protect."""

from domain.errors import RuleBroken


class WrongState(RuleBroken):
    """The operation's state does not allow this."""

    code = "wrong_state"
    help = "Read the operation again: it has moved on."


class Fenced(RuleBroken):
    """Somebody else has taken this operation over since."""

    code = "fenced"
    help = "Leave it to the worker that has the newer lease."


class AlreadySent(RuleBroken):
    """It was sent to the inventory already, so it can no longer be called off."""

    code = "already_sent"
    help = "Wait for what becomes of it."


class GivenUp(RuleBroken):
    """It was given up, and what asked for it has gone on without it."""

    code = "given_up"
    help = "Ask for the change once more, or set the inventory right by hand."


class HandedOutSince(RuleBroken):
    """The item was handed out since: what was to be undone is how its custodian has it."""

    code = "handed_out_since"
    help = "Abandon this operation; return the assignment that has the item, if it is back."
