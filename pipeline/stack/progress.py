"""Progress bars for downloads (bytes) and for start-up (seconds), one row each."""

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

__all__ = ["bars"]


class _Amount(ProgressColumn):
    """Bytes for a task made with ``bytes=True``, else the seconds it took."""

    def render(self, task: Task) -> Text:
        if not task.fields.get("bytes"):
            return Text(f"{task.finished_time or task.elapsed or 0:.0f} s")
        done = decimal(int(task.completed))
        if task.finished:
            return Text(done)
        speed = f", {decimal(int(task.speed))}/s" if task.speed else ""
        return Text(f"{done} of {decimal(int(task.total or 0))}{speed}")


def bars(console: Console | None = None) -> Progress:
    """Bars on standard error, or on ``console``; use it as a context manager."""
    return Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        _Amount(),
        console=console or Console(stderr=True),
    )
