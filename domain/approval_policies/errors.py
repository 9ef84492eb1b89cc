"""Refusals of approval policies, named after the rule they protect."""

from domain.errors import RuleBroken


class PolicyNameTaken(RuleBroken):
    """A policy's name is used once in a tenant."""

    code = "policy_name_taken"
    help = "Choose another name."
