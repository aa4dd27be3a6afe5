import socket

from pipeline.app import reachable


def test_one_broker_that_listens_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert reachable(f"127.0.0.1:1, 127.0.0.1:{port}")
        assert reachable(f"[::ffff:127.0.0.1]:{port}")
    assert not reachable(f"127.0.0.1:1,127.0.0.1:{port}")
