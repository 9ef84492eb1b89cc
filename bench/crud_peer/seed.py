"""The peer's cast: a tenant, a project, a policy of two steps, and those who act."""

from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from bench.crud_peer.app import HASHER
from bench.crud_peer.tables import Base, Member, Policy, Project, ProjectMember, Tenant, User
from bench.load import PASSWORD, PERMISSIONS, STEPS


async def seed(engine: AsyncEngine) -> tuple[str, str]:
    """Create the tables and the cast; the ids of the project and of the policy."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    tenant, project = Tenant(id=uuid4(), name="Bench"), Project(id=uuid4(), name="Bench")
    project.tenant_id = tenant.id
    policy = Policy(id=uuid4(), tenant_id=tenant.id, name="Two steps", steps=STEPS)
    users = {
        name: User(
            id=uuid4(),
            username=name,
            email=f"{name}@example.org",
            password=HASHER.hash(PASSWORD),
        )
        for name in PERMISSIONS
    }
    async with async_sessionmaker(engine, expire_on_commit=False).begin() as db:
        db.add_all([tenant, *users.values()])
        await db.flush()
        db.add_all([project, policy])
        await db.flush()
        for name, user in users.items():
            db.add(Member(tenant_id=tenant.id, user_id=user.id, permissions=PERMISSIONS[name]))
            db.add(ProjectMember(project_id=project.id, user_id=user.id, role="member"))
    return str(project.id), str(policy.id)
