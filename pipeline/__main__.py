"""The command ``mentions``."""

import sys


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from pipeline.cli import mentions  # noqa: PLC0415 - the guard is around this import
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in {"agents", "pipeline", "schemas"}:
            raise
        sys.exit(f"mentions: {error.name} is missing: pip install 'mention-pipeline[all]'")
    mentions()


if __name__ == "__main__":
    main()
