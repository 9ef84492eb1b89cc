"""Refusals of an approval policy, named after the rule they protect."""

from domain.errors import RuleBroken


class PolicyNameTaken(RuleBroken):
    """A tenant's approval policies have different names."""

    code = "policy_name_taken"
    help = "Choose another name."
