import socket
import threading
import time

import pytest

from agents.turning import Turning, reachable


def test_one_broker_that_listens_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert reachable(f"127.0.0.1:1, 127.0.0.1:{port}")
        assert reachable(f"[::ffff:127.0.0.1]:{port}")
    assert not reachable(f"127.0.0.1:1,127.0.0.1:{port}")


def test_a_loop_that_hangs_ends_the_process_unless_no_broker_can_be_reached() -> None:
    ended = threading.Event()
    codes: list[int] = []

    def die(code: int) -> None:
        codes.append(code)
        ended.set()

    with socket.create_server(("127.0.0.1", 0)) as broker:
        there = f"127.0.0.1:{broker.getsockname()[1]}"
        turning = Turning(0.4, there, die)
        assert not turning.health().ready
        with turning.watched("127.0.0.1", 0):
            until = time.monotonic() + 0.8
            while time.monotonic() < until:
                turning.turn()
                time.sleep(0.05)
            assert turning.health().live
            assert turning.health().ready
            assert not codes
            assert ended.wait(5)
        assert codes == [75]
    with Turning(0.1, "127.0.0.1:1", die).watched("127.0.0.1", 0):
        time.sleep(0.4)
    assert codes == [75]


def test_who_has_not_caught_up_is_not_stuck() -> None:
    turning = Turning(0.01, "127.0.0.1:1")
    time.sleep(0.05)
    assert turning.health().live
    assert not turning.health().ready
    turning.turn()
    time.sleep(0.05)
    assert not turning.health().live


def test_its_beginning_and_each_turn_are_told() -> None:
    told: list[None] = []
    turning = Turning(60, "127.0.0.1:1", turned=lambda: told.append(None))
    assert len(told) == 1
    turning.turn()
    turning.turn()
    assert len(told) == 3


def test_an_address_without_a_port_has_that_of_kafka() -> None:
    asked: list[tuple[str, int]] = []

    def refuse(address: tuple[str, int], _: float) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "create_connection", refuse)
        assert not reachable("kafka.test,[::1]:9, kafka.test:odd")
    assert asked == [("kafka.test", 9092), ("::1", 9)]
