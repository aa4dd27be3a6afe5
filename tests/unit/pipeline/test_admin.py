from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)

from pipeline.admin import patiently


def test_a_coordinator_that_is_not_ready_is_asked_again() -> None:
    not_yet = [CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError]

    def ask() -> str:
        if not_yet:
            raise not_yet.pop()
        return "offsets"

    assert patiently(ask) == "offsets"
