"""Refusals of a project, named after the rule they protect."""

from domain.errors import RuleBroken


class LastLead(RuleBroken):
    """A project keeps at least one lead."""

    code = "last_lead"
    help = "Make another member a lead first."
