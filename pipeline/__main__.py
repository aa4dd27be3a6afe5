"""The command ``mentions``."""

import sys
import traceback


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from pipeline.cli import mentions  # noqa: PLC0415 - the guard is around this import
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in {"agents", "pipeline", "schemas"}:
            raise
        sys.exit(f"mentions: {error.name} is missing: pip install 'mention-pipeline[all]'")
    try:
        mentions()
    except Exception as error:  # noqa: BLE001 - it is shown, and ends the process
        traceback.print_exception(error)
        # Lets go of what the failed frames hold now: a Kafka client that is closed only when the
        # interpreter ends waits for ever for its thread, which is gone by then.
        traceback.clear_frames(error.__traceback__)
        sys.exit(1)


if __name__ == "__main__":
    main()
