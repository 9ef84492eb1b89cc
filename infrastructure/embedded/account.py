"""As whom a server runs that refuses to run as root.

Root enters a user namespace in which it looks like an ordinary user; where the machine forbids
that, a user of its own is made for the server.
"""

import os
import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from infrastructure.embedded.errors import EmbeddedUnavailable
from infrastructure.embedded.machine import run

USER: Final = "quartermaster"
_TIMEOUT_S: Final = 10.0
_NAMESPACE: Final = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """How to start a program as that user. ``uid`` is set where files must be given to it."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls) -> Self:
        """The least troublesome way on this machine. Raises ``EmbeddedUnavailable``."""
        if os.geteuid() != 0:
            return cls()
        if shutil.which("unshare") and run([*_NAMESPACE, "true"], timeout_s=_TIMEOUT_S)[0] == 0:
            return cls(prefix=_NAMESPACE)
        return cls._dedicated()

    @classmethod
    def _dedicated(cls) -> Self:
        if not shutil.which("setpriv"):
            raise EmbeddedUnavailable(
                "Postgres does not run as root, and this machine allows neither user namespaces nor"
                " has setpriv: run it as an ordinary user"
            )
        try:
            entry = pwd.getpwnam(USER)
        except KeyError:
            code, output = run(
                ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER],
                timeout_s=_TIMEOUT_S,
            )
            if code != 0:
                raise EmbeddedUnavailable(
                    f"Postgres does not run as root and the user {USER} cannot be made"
                    f" ({output.strip()}): run it as an ordinary user"
                ) from None
            entry = pwd.getpwnam(USER)
        prefix = (
            "setpriv",
            f"--reuid={entry.pw_uid}",
            f"--regid={entry.pw_gid}",
            "--clear-groups",
        )
        return cls(prefix=prefix, uid=entry.pw_uid, gid=entry.pw_gid)

    def give(self, folder: Path) -> None:
        """Let the server own ``folder`` and all that is in it, where it runs as another user."""
        if self.uid is None or self.gid is None:
            return
        os.chown(folder, self.uid, self.gid)
        for path in folder.rglob("*"):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(
        self, command: Sequence[str | Path], *, timeout_s: float, environment: Mapping[str, str]
    ) -> tuple[int, str]:
        """Run ``command`` as that user: its exit code and what it printed."""
        return run([*self.prefix, *command], timeout_s=timeout_s, environment=environment)
