"""Refusals of a project, named after the rule they protect."""

from domain.errors import Forbidden, NotFound, RuleBroken


class NotProjectLead(Forbidden):
    """Only a lead of the project, or somebody with projects:write, changes its members."""

    code = "not_project_lead"
    help = "Ask a lead of the project."


class ProjectMemberNotFound(NotFound):
    """The project has no such member."""

    code = "project_member_not_found"


class LastLead(RuleBroken):
    """A project keeps at least one lead."""

    code = "last_lead"
    help = "Make another member a lead first."
