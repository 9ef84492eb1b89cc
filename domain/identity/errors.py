"""Refusals of identity, named after the rule they protect."""

from domain.errors import Forbidden, RuleBroken


class UsernameTaken(RuleBroken):
    """A user name belongs to one user."""

    code = "username_taken"
    help = "Choose another user name."


class EmailTaken(RuleBroken):
    """An e-mail address belongs to one user."""

    code = "email_taken"
    help = "Sign in with it, or use another address."


class RoleNameTaken(RuleBroken):
    """A tenant's roles have different names."""

    code = "role_name_taken"
    help = "Choose another name."


class RoleBeyondOwn(Forbidden):
    """Nobody grants or takes a role that carries more than they hold themselves."""

    code = "role_beyond_own"
    help = "Ask somebody who holds tenant:manage."


class LastAdministrator(RuleBroken):
    """A tenant keeps at least one administrator."""

    code = "last_administrator"
    help = "Make another member an administrator first."
