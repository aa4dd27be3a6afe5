import json

from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.bulk import CHUNK, CONCURRENT, LEAST, Operation, _chunks, delete, index


def test_an_operation_is_one_line_or_two() -> None:
    lines = index(0, "m-2026.01", 'a:"1"', 7, b'{"text":"x"}').lines.splitlines()
    assert json.loads(lines[0]) == {
        "index": {
            "_index": "m-2026.01",
            "_id": 'a:"1"',
            "version": 7,
            "version_type": "external_gte",
        }
    }
    assert json.loads(lines[1]) == {"text": "x"}
    assert delete(0, "m", "a:1", 7).lines.count(b"\n") == 1


@given(st.lists(st.integers(1, 3 * LEAST), max_size=40))
def test_chunks_keep_all_operations_in_order(sizes: list[int]) -> None:
    operations = [Operation(i, "index", b"x" * size) for i, size in enumerate(sizes)]
    chunks = list(_chunks(operations))
    assert [operation for chunk in chunks for operation in chunk] == operations
    assert all(chunks)


def test_a_small_batch_is_one_request_and_a_larger_one_fills_every_slot() -> None:
    small = [Operation(i, "index", b"x" * 100) for i in range(100)]
    assert len(list(_chunks(small))) == 1
    larger = [Operation(i, "index", b"x" * 1000) for i in range(1000)]
    assert len(list(_chunks(larger))) == CONCURRENT


def test_no_request_is_larger_than_advised_unless_one_document_is() -> None:
    large = [Operation(i, "index", b"x" * (CHUNK // 3)) for i in range(10)]
    assert all(sum(len(o.lines) for o in chunk) <= CHUNK for chunk in _chunks(large))
    assert len(list(_chunks([Operation(0, "index", b"x" * (2 * CHUNK))]))) == 1
