"""A trained model reaches a running worker, and a rollback too, without a restart."""

import json

from tests.support.installation import Installation

WORDS = {"negative": "Gleisbruch", "neutral": "Fahrplan", "positive": "Freitakt"}
FILLERS = ("heute", "morgen", "in Kiel", "am Abend", "bei uns", "im Norden", "seit Montag", "dort")

CONFIG = """
[[sources]]
type = "files"
name = "posts"
paths = ["{folder}/posts-*.jsonl"]
every = 1
columns = {{ text = "text", id = "id" }}
defaults = {{ channel = "forum", language_hint = "de" }}
"""


def test_a_model_is_trained_published_used_and_rolled_back(installation: Installation) -> None:
    folder = installation.folder
    installation.configure(CONFIG.format(folder=folder))
    labels = folder / "labels.jsonl"
    labels.write_text(
        "".join(
            json.dumps({"text": f"Der {word} {filler} {number}", "label": label, "language": "de"})
            + "\n"
            for label, word in WORDS.items()
            for number in range(4)
            for filler in FILLERS
        )
    )

    def tone(number: int) -> tuple[str, str]:
        """Publish a post, and wait for what the worker makes of it."""
        post = {"id": number, "text": f"Der Freitakt kam im Norden an, Nummer {number}"}
        (folder / f"posts-{number}.jsonl").write_text(json.dumps(post) + "\n")
        found: dict[str, str] = {}

        def arrived() -> bool:
            for document in installation.documents().values():
                if document["text"] == post["text"]:
                    found["label"] = document["sentiment"]["label"]
                    # Behind the model's version stands that of the rules.
                    version, _, rules = document["sentiment"]["by"]["version"].partition("+")
                    assert rules
                    found["version"] = version
            return bool(found)

        installation.wait(arrived, f"post {number} in the index")
        return found["label"], found["version"]

    installation.start("worker", "--stages", "enrich,index")
    installation.start("agent")
    _, shipped = tone(1)

    trained = installation.run(
        "train", "sentiment", "--labels", str(labels), "--publish", "--json",
        "--plots", str(folder / "plots"), timeout=240,
    )  # fmt: skip
    report = json.loads(trained.stdout)
    assert report["better"]
    assert report["published"]
    assert report["against"] == shipped
    assert (folder / "plots" / "confusion-de.svg").stat().st_size > 1_000
    listed = [
        json.loads(line)
        for line in installation.run("models", "list", "--json").stdout.splitlines()
    ]
    assert [row["version"] for row in listed if row["in_force"] and row["language"] == "de"] == [
        report["version"]
    ]

    number = 2
    while tone(number) != ("positive", report["version"]):
        number += 1
        assert number < 10, "the worker did not take up the model"

    assert "shipped is in force" in installation.run("models", "rollback", "de").stdout
    while tone(number + 1)[1] != shipped:
        number += 1
        assert number < 20, "the worker did not go back"
    refused = installation.run("models", "rollback", "de", "--to", "nonsense", code=1)
    assert "mentions models list" in refused.stderr
