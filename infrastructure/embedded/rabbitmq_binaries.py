"""Where RabbitMQ's programs come from: the machine, or Debian packages unpacked without root.

The packages go into a cache folder, with package lists of our own, so that neither root nor the
state of the system's lists matters. apt checks their signatures and hashes.
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infrastructure.embedded.errors import EmbeddedUnavailable, explained
from infrastructure.embedded.folder_lock import FolderLocked, folder_lock
from infrastructure.embedded.machine import private_folder, run

HOW_TO_GET_IT: Final = "set QM_AMQP_URL to a running one, install rabbitmq-server, or start Docker"
_WAIT_FOR_OTHERS_S: Final = 600.0
_UPDATE_TIMEOUT_S: Final = 180.0
_DOWNLOAD_TIMEOUT_S: Final = 400.0
_UNPACK_TIMEOUT_S: Final = 60.0
_STATUS: Final = Path("/var/lib/dpkg/status")
# Even where the machine has a part of them, they must all stand in one folder.
_OURS: Final = re.compile(r"^Package: (erlang-|rabbitmq-server$|socat$)", re.MULTILINE)
_NOT_NEEDED: Final = frozenset({"logrotate", "socat", "libpopt0", "libwrap0", "adduser"})

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Binaries:
    """RabbitMQ's scripts, and the Erlang that they need where it is not the machine's."""

    root: Path | None
    scripts: Path
    erlang: Path | None
    libraries: tuple[Path, ...] = ()


def on_this_machine() -> Binaries | None:
    """The installed ones. Debian's own wrapper insists on root, so its inner script is taken."""
    found = shutil.which("rabbitmq-server")
    for scripts in sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin")):
        if found or shutil.which("erl"):
            return Binaries(None, scripts, None)
    return Binaries(None, Path(found).resolve().parent, None) if found else None


def unpacked(say: Say) -> Binaries | None:
    """Those of the cache folder, fetched if they are not there; None where there is no apt.

    Raises ``EmbeddedUnavailable`` where fetching fails.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and _STATUS.exists()):
        return None
    cache = private_folder(_cache_folder())
    try:
        with folder_lock(cache / "lock", wait_s=_WAIT_FOR_OTHERS_S):
            root = cache / "root"
            if not root.exists():
                _fetch(cache, root, say)
    except FolderLocked:
        raise EmbeddedUnavailable(f"RabbitMQ: another process has held {cache} too long") from None
    except OSError as error:
        raise explained("RabbitMQ", cache, str(error)) from error
    return _found_in(root)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "quartermaster" / "rabbitmq"


def _found_in(root: Path) -> Binaries:
    scripts = next((root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    libraries = tuple(sorted({path.parent for path in (root / "usr/lib").glob("*/*.so*")}))
    return Binaries(root, scripts, root / "usr/lib/erlang", libraries)


def _fetch(cache: Path, root: Path, say: Say) -> None:
    options = _apt_options(cache)
    say("RabbitMQ: reading the package lists …")
    _apt([*options, "update", "-q"], cache, _UPDATE_TIMEOUT_S)
    wanted = [*options, "install", "-s", "--no-install-recommends", "rabbitmq-server"]
    listed = _apt(wanted, cache, _UPDATE_TIMEOUT_S)
    found: list[str] = re.findall(r"^Inst (\S+)", listed, re.MULTILINE)
    names = [name for name in found if name not in _NOT_NEEDED]
    say(f"RabbitMQ: downloading {len(names)} packages (about 35 MB, once) …")
    packages = cache / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir()
    _apt([*options, "download", *names], packages, _DOWNLOAD_TIMEOUT_S)
    say("RabbitMQ: unpacking …")
    _unpack(packages, root)
    shutil.rmtree(packages, ignore_errors=True)


def _apt_options(cache: Path) -> list[str]:
    for name in ("lists/partial", "apt/archives/partial"):
        (cache / name).mkdir(parents=True, exist_ok=True)
    kept = [
        entry
        for entry in _STATUS.read_text(encoding="utf-8", errors="replace").split("\n\n")
        if not _OURS.search(entry)
    ]
    (cache / "status").write_text("\n\n".join(kept), encoding="utf-8")
    settings = {
        "Dir::State::Lists": cache / "lists",
        "Dir::State::status": cache / "status",
        "Dir::Cache": cache / "apt",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "30",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _apt(arguments: list[str], folder: Path, timeout_s: float) -> str:
    command = ["env", "-C", str(folder), "LC_ALL=C", "apt-get", *arguments]
    code, output = run(command, timeout_s=timeout_s)
    if code != 0:
        reason = [line for line in output.splitlines() if line.startswith("E:")] or ["no answer"]
        raise EmbeddedUnavailable(f"RabbitMQ: its Debian packages cannot be had ({reason[-1]})")
    return output


def _unpack(packages: Path, root: Path) -> None:
    unfinished = root.with_name("root.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for package in sorted(packages.glob("*.deb")):
        code, output = run(["dpkg-deb", "-x", package, unfinished], timeout_s=_UNPACK_TIMEOUT_S)
        if code != 0:
            raise explained("RabbitMQ", root.parent, output)
    for name in ("erl", "start"):
        script = unfinished / "usr/lib/erlang/bin" / name
        text = script.read_text(encoding="utf-8")
        text = re.sub(r"(?m)^(\s*)ROOTDIR=/usr/lib/erlang$", r'\1ROOTDIR="$ERL_ROOTDIR"', text)
        script.write_text(text, encoding="utf-8")
    unfinished.rename(root)


def main() -> None:
    """Fetch them ahead of a test run, so that the download is seen and not part of a test."""
    if os.environ.get("QM_AMQP_URL") or on_this_machine():
        return
    begun = time.monotonic()
    try:
        unpacked(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201  progress
    except EmbeddedUnavailable as error:
        print(error, file=sys.stderr)  # noqa: T201  the tests that need it will fail with it
    if time.monotonic() - begun > 1:
        print("RabbitMQ: ready", file=sys.stderr)  # noqa: T201  progress


if __name__ == "__main__":
    main()
