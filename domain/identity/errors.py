"""Refusals of users, tenants and roles, named after the rule they protect."""

from domain.errors import RuleBroken


class UsernameTaken(RuleBroken):
    """A user name belongs to one user."""

    code = "username_taken"
    help = "Choose another user name."


class EmailTaken(RuleBroken):
    """An e-mail address belongs to one user."""

    code = "email_taken"
    help = "Sign in instead, or use another address."


class RoleNameTaken(RuleBroken):
    """A role's name is used once in a tenant."""

    code = "role_name_taken"
    help = "Choose another name."
