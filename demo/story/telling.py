"""How the story is told: what was asked, what was answered, what happened, what is read."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from demo.story.desk import Answer


class Teller:
    """Prints the story as it goes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """The next part of the story."""
        self._chapters += 1
        self._line("")
        self._line(f"[bold]{self._chapters}. {escape(title)}[/bold]")

    def answered(self, answer: Answer) -> None:
        """A command and its answer."""
        body = "" if answer.asked is None else f" {_compact(answer.asked)}"
        self._line(f"  [cyan]{answer.who}[/cyan] {answer.method} {answer.path}{escape(body)}")
        self._line(f"    {escape(_of_answer(answer))}")

    def done(self, what: str) -> None:
        """Something that is done to the world around."""
        self._line(f"  [magenta]outside[/magenta] {escape(what)}")

    def waits(self, what: str) -> None:
        """What the story waits for now."""
        self._line(f"    [dim]… {escape(what)}[/dim]")

    def read(self, who: str, path: str, shown: Mapping[str, Any]) -> None:
        """What a query shows."""
        said = ", ".join(f"{name} {_word(value)}" for name, value in shown.items())
        self._line(f"  [cyan]{who}[/cyan] GET {path}")
        self._line(f"    [green]{escape(said)}[/green]")

    def happened(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Events of the log."""
        for event in events:
            by = event["actor"]["name"] if event["actor"] else "the system"
            self._line(f"    [yellow]{event['position']:>6}[/yellow] {event['type']} by {by}")

    def ends(self, line: str) -> None:
        """The last line."""
        self._line("")
        self._line(f"[bold]{escape(line)}[/bold]")

    def _line(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


def _of_answer(answer: Answer) -> str:
    if "position" in answer.body:
        return f"{answer.status} {_compact(answer.body)}"
    after = "" if answer.retry_after is None else f", Retry-After: {answer.retry_after}"
    return f"{answer.status} {answer.code}{after}: {answer.body.get('detail', '')}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
