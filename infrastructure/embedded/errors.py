"""Why an embedded server cannot be had: one line that also says what helps."""


class EmbeddedUnavailable(Exception):
    """An embedded server did not come up; the message is the one line for the person."""


class DiskFull(EmbeddedUnavailable):
    """There is no space left for the server's data."""


class FolderNotUsable(EmbeddedUnavailable):
    """The folder cannot be written, or not by the user that the server has to run as."""


_SPACE_WORDS = ("No space left on device", "Disk quota exceeded", "ENOSPC")
_RIGHTS_WORDS = ("Permission denied", "Operation not permitted")
_READ_ONLY_WORDS = ("Read-only file system", "EROFS")


def explained(server: str, folder: object, output: str) -> EmbeddedUnavailable:
    """The error that fits what ``server`` printed before it gave up."""
    if any(word in output for word in _SPACE_WORDS):
        return DiskFull(f"{server}: no space left on the disk of {folder}; free some and try again")
    if any(word in output for word in _RIGHTS_WORDS):
        return FolderNotUsable(
            f"{server}: {folder} cannot be used by this user; change its owner or choose another"
            " folder with QM_DATA"
        )
    if any(word in output for word in _READ_ONLY_WORDS):
        return FolderNotUsable(
            f"{server}: the file system of {folder} is read-only; choose another folder with QM_DATA"
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "error", "ERROR"))]
    reason = (telling or lines or ["it said nothing"])[-1]
    return EmbeddedUnavailable(f"{server} did not start: {reason}")
