"""What only a reader can be refused, beside the refusals of the domain."""

from infrastructure.http.problems import FieldError, Problem

POSITION_HEADER = "X-Event-Position"


class BadParameter(Problem):
    """A query parameter that cannot be accepted."""

    def __init__(
        self, name: str, detail: str, code: str = "invalid_parameter", *, help: str = ""
    ) -> None:
        wrong = FieldError("query", (name,), detail, code)
        super().__init__(422, code, detail, errors=[wrong], help=help)


class BadHeader(Problem):
    """A header that cannot be accepted."""

    def __init__(self, name: str, detail: str, code: str) -> None:
        super().__init__(422, code, detail, errors=[FieldError("header", (name,), detail, code)])


class BadCursor(BadParameter):
    """A cursor of another list, or of this one with other filters or another sort."""

    def __init__(self) -> None:
        super().__init__(
            "cursor",
            "This cursor is not of this list with these filters.",
            "bad_cursor",
            help="Begin at the first page, without a cursor.",
        )


class NotAcceptable(Problem):
    """None of the media types in Accept can be had here."""

    def __init__(self, *offered: str) -> None:
        super().__init__(406, "not_acceptable", f"This can be had as {', '.join(offered)}.")


class PositionNotReached(Problem):
    """The read tables have not come to the position in Min-Position within the time to wait."""

    def __init__(self, position: int) -> None:
        super().__init__(
            503,
            "position_not_reached",
            f"The tables are at position {position}.",
            help="Ask again, or wait longer with Prefer: wait=<seconds>.",
            headers={"Retry-After": "1", POSITION_HEADER: str(position)},
        )


class PositionNotWritten(Problem):
    """The log does not hold the position in Min-Position."""

    def __init__(self, position: int) -> None:
        super().__init__(
            503,
            "position_not_written",
            f"No event has this position yet. The tables are at position {position}.",
            help="Use the X-Event-Position of a command's answer.",
            headers={"Retry-After": "1", POSITION_HEADER: str(position)},
        )


class ProjectionParked(Problem):
    """An event of the object could not be applied: what could be shown would be stale."""

    def __init__(self, position: int) -> None:
        super().__init__(
            503,
            "projection_parked",
            "An event of this object waits to be looked at by an operator.",
            help="Tell whoever runs this installation: `quartermaster parked list` shows it.",
            headers={"Retry-After": "30", POSITION_HEADER: str(position)},
        )
