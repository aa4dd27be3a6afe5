"""Our enrich stage, as ``mentions worker --stages enrich`` runs it, on the bench's topics.

With ``BENCH_WHOLE`` it also looks for near copies, as it does by default.
"""

from msgspec.structs import replace

from benchmarks.engines import Task
from benchmarks.engines.work import settings
from pipeline import logs
from pipeline.app import run
from pipeline.stages.enrich import Enrich
from schemas.topics import RAW


def main() -> None:
    """Run the stage; only its topics and its group are others."""
    task, chosen = Task.read(), settings()
    logs.setup()
    stage = Enrich(chosen)
    stage.name = task.group
    stage.source = replace(RAW, name=task.source.removeprefix(chosen.kafka.prefix))
    stage._topic = task.target  # noqa: SLF001 - a stage writes to one topic, always
    run(stage, chosen)


if __name__ == "__main__":
    main()
