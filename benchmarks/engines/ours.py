"""Our enrich stage, as ``mentions worker --stages enrich`` runs it, on the bench's topics.

With ``BENCH_WHOLE`` it also looks for near copies, as it does by default.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from benchmarks.engines import Task, begun, settings
from pipeline import logs
from pipeline.app import run
from pipeline.delivery import Record
from pipeline.outcome import Outcome
from pipeline.stages.enrich import Enrich
from schemas.topics import RAW


def main() -> None:
    """Run the stage; only its topics and its group are others."""
    task, chosen = Task.read(), settings()
    logs.setup()
    stage = Enrich(chosen)
    stage.name = task.group
    stage.source = replace(RAW, name=task.source)
    stage._topic = task.target  # noqa: SLF001 - a stage writes to one topic, always
    run(_Noting(stage), chosen)


class _Noting:
    """The stage, noting when it begins."""

    def __init__(self, stage: Enrich) -> None:
        self.name, self.source = stage.name, stage.source
        self.start, self.close = stage.start, stage.close
        self._stage = stage

    async def handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Do it."""
        begun()
        return await self._stage.handle(batch)


if __name__ == "__main__":
    main()
