"""What somebody may be allowed to do, by name."""

from typing import Final

TENANT_MANAGE: Final = "tenant:manage"
USERS_WRITE: Final = "users:write"
USERS_READ: Final = "users:read"
PROJECTS_WRITE: Final = "projects:write"
PROJECTS_READ: Final = "projects:read"
APPROVAL_POLICIES_WRITE: Final = "approval-policies:write"
REQUISITIONS_CREATE: Final = "requisitions:create"
REQUISITIONS_READ: Final = "requisitions:read"
REQUISITIONS_APPROVE: Final = "requisitions:approve"
REQUISITIONS_APPROVE_OWN: Final = "requisitions:approve-own"
REQUISITIONS_FULFIL: Final = "requisitions:fulfil"
AUDIT_READ: Final = "audit:read"
ASSIGNMENTS_READ: Final = "assignments:read"
ASSIGNMENTS_ISSUE: Final = "assignments:issue"
ASSIGNMENTS_ISSUE_OFFLINE: Final = "assignments:issue-offline"
ASSIGNMENTS_RETURN: Final = "assignments:return"
ASSIGNMENTS_EXTEND: Final = "assignments:extend"
INVENTORY_READ: Final = "inventory:read"
INVENTORY_MANAGE: Final = "inventory:manage"
ASSETS_WRITE: Final = "assets:write"

PERMISSIONS: Final = frozenset(
    {
        TENANT_MANAGE,
        USERS_WRITE,
        USERS_READ,
        PROJECTS_WRITE,
        PROJECTS_READ,
        APPROVAL_POLICIES_WRITE,
        REQUISITIONS_CREATE,
        REQUISITIONS_READ,
        REQUISITIONS_APPROVE,
        REQUISITIONS_APPROVE_OWN,
        REQUISITIONS_FULFIL,
        AUDIT_READ,
        ASSIGNMENTS_READ,
        ASSIGNMENTS_ISSUE,
        ASSIGNMENTS_ISSUE_OFFLINE,
        ASSIGNMENTS_RETURN,
        ASSIGNMENTS_EXTEND,
        INVENTORY_READ,
        INVENTORY_MANAGE,
        ASSETS_WRITE,
    }
)
"""All that the system itself asks for. A policy's step may name others."""
