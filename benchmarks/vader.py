"""Labelled English texts in the sources of vaderSentiment (Hutto and Gilbert 2014, MIT).

Tweets, and snippets of reviews and editorials, each with the mean of twenty people's ratings from
-4 to 4. What is nearer to 0 than to 1 counts as neutral. The sources are downloaded from the
package index by pip, of the version that is installed. No shipped weight has seen these texts; the
lexicon that ours reads was made by the same people, apart from them.
"""

import io
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.labelled import Row

__all__ = ["row", "sets"]

NEUTRAL = 0.5
_INNER = "additional_resources/hutto_ICWSM_2014.tar.gz"
_SETS = {
    "vader_tweets": "tweets",
    "vader_amazon": "amazonReviewSnippets",
    "vader_films": "movieReviewSnippets",
    "vader_editorials": "nytEditorialSnippets",
}


def sets() -> list[tuple[str, list[Row]]]:
    """The names and the texts.

    Raises:
        subprocess.CalledProcessError: the sources cannot be downloaded.
    """
    package = f"vaderSentiment=={version('vaderSentiment')}"
    with TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--no-binary", ":all:", "--no-build-isolation", "--dest", folder, package),
            ],
            check=True,
        )
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as outer:
            inner = outer.extractfile(f"{package.replace('==', '-')}/{_INNER}")
            assert inner is not None
            packed = inner.read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        found = []
        for name, stem in _SETS.items():
            file = files.extractfile(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
            assert file is not None
            lines = file.read().decode("utf-8", errors="replace").splitlines()
            found.append((name, [row(line) for line in lines]))
    return found


def row(line: str) -> Row:
    """A line of theirs: a number, the mean rating, the text."""
    _, rating, text = line.split("\t")
    value = float(rating)
    label = "positive" if value > NEUTRAL else "negative" if value < -NEUTRAL else "neutral"
    return {"text": text, "label": label}
