"""The embedded Kafka and Elasticsearch: the real servers, without containers.

Needs the extra ``stack``. ``Stack(settings).up(progress)``, ``.down()`` and ``.state()`` are all
there is to it; ``bars()`` makes the progress display, ``spare()``
settings for servers of one's own.
"""

from pipeline.stack.progress import bars
from pipeline.stack.server import ServerState
from pipeline.stack.stack import Stack, spare

__all__ = ["ServerState", "Stack", "bars", "spare"]
