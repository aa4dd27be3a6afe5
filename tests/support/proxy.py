"""A wire that can be cut, silenced, slowed, or lose answers: a TCP forwarder on loopback."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

__all__ = ["Proxy"]


class Proxy:
    """Forwards ``127.0.0.1:port`` to a target, until it is told to do worse.

    What was done to it lasts until ``restore``; the port stays the same.
    """

    def __init__(self, host: str, port: int, *, cut: bool = False) -> None:
        self._target = (host, port)
        self._cut = cut
        self._losing = False
        self._delay = 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._writers)

    def cut(self) -> None:
        """Break every connection, and all to come."""
        self._cut = True
        self._call(self._drop())

    def silence(self) -> None:
        """Hold back every byte; connections stay, and new ones are taken."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def slow(self, seconds: float) -> None:
        """Hold back every piece for a while."""
        self._delay = seconds

    def lose_answers(self) -> None:
        """Pass on what is asked, and break the connection in place of answering."""
        self._losing = True

    def restore(self) -> None:
        """Be a wire again."""
        self._cut = self._losing = False
        self._delay = 0.0
        self._loop.call_soon_threadsafe(self._flowing.set)

    def _call(self, coroutine: object) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _drop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _close(self) -> None:
        self._server.close()
        await self._drop()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._cut:
                return
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            self._writers.add(there_writer)
            await asyncio.gather(
                self._pump(reader, there_writer), self._pump(there_reader, writer, answers=True)
            )
            self._writers.discard(there_writer)
        except (OSError, asyncio.CancelledError):
            pass  # the target is away, or the wire is taken down: a cut, as seen by the client
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if answers and self._losing:
                    break
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
