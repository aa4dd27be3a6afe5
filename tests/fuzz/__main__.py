"""``python -m tests.fuzz``: coverage-guided fuzzing of decode, enrich and document.

Takes libFuzzer's options, for instance ``-max_total_time=60``. Starts from the corpus beside this
file; inputs that reach new code are kept in ``.fuzz``, one that breaks something in ``crash-…``.
Put what is worth keeping, and small, into the corpus: the unit tests run it.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pipeline", "schemas"]):
    from tests.fuzz import target

_CORPUS = Path(__file__).with_name("corpus")
_FOUND = Path(".fuzz")


def main() -> None:
    """Fuzz until the time is over or something breaks."""
    _FOUND.mkdir(exist_ok=True)
    atheris.Setup([*sys.argv, str(_FOUND), str(_CORPUS)], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
