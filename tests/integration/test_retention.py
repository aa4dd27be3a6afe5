"""What is over is shown first, then deleted; what is not stays."""

import json
from datetime import UTC, datetime, timedelta

from tests.support.installation import Installation


def test_months_letters_and_topics_end_when_the_settings_say(installation: Installation) -> None:
    now = datetime.now(UTC)
    alias, client = installation.alias, installation.client
    this = f"{alias}-{now:%Y.%m}"
    before = f"{alias}-{now.replace(day=1) - timedelta(days=1):%Y.%m}"
    old = f"{alias}-2020.01"
    for index in (this, before, old):
        client.index(index=index, id="push:1", document={"id": "push:1"}, refresh=True)
    rebuilt = f"{alias}-v2-2019.12"
    names: dict[str, dict[str, object]] = {alias: {}, f"{alias}-2019.12": {}}
    client.indices.create(index=rebuilt, aliases=names)
    client.index(index=rebuilt, id="push:2", document={"id": "push:2"}, refresh=True)
    for days in (1, 200):
        at = (now - timedelta(days=days)).isoformat()
        letters = f"{alias}-dead-letters"
        client.index(index=letters, id=f"0:{days}", document={"at": at}, refresh=True)
        for name in ("coverage", "figures"):
            body = {"end": at}
            client.index(index=f"{alias}-{name}", id=f"{days}", document=body, refresh=True)
        at = (now - timedelta(days=2 * days)).isoformat()
        client.index(index=f"{alias}-alerts", id=f"a:{days}", document={"at": at}, refresh=True)
        for state in ("answered", "new"):
            task = {"changed_at": at, "open": state == "new"}
            client.index(index=f"{alias}-work", id=f"{state}:{days}", document=task, refresh=True)

    def steps(*arguments: str) -> dict[str, int]:
        lines = installation.run("retention", "--json", *arguments).stdout.splitlines()
        return {step["name"]: step["count"] for step in map(json.loads, lines)}

    # By default all months are kept, letters as long as their topic.
    aged = {
        f"{alias}-{name}": 1 for name in ("dead-letters", "coverage", "figures", "alerts", "work")
    }
    assert steps() == aged
    installation.configure("[retention]\nindex_months = 1\nraw_days = 7\n")
    raw = f"{installation.settings.kafka.prefix}mentions.raw"
    over = {raw: 0, old: 1, rebuilt: 1} | aged
    assert steps() == over
    assert steps() == over
    assert "Nothing was changed" in installation.run("retention").stdout
    assert steps("--apply") == over
    assert steps() == {}
    assert "Nothing is over" in installation.run("retention").stdout
    assert sorted(client.indices.get(index=f"{alias}-20*")) == sorted({before, this})
    left = client.search(index=f"{alias}-dead-letters")["hits"]["hits"]
    assert [hit["_id"] for hit in left] == ["0:1"]
    left = client.search(index=f"{alias}-alerts")["hits"]["hits"]
    assert [hit["_id"] for hit in left] == ["a:1"]
    left = client.search(index=f"{alias}-work")["hits"]["hits"]
    assert sorted(hit["_id"] for hit in left) == ["answered:1", "new:1", "new:200"]
    described = installation.run("topics", "describe", "--json").stdout.splitlines()
    kept = {row["name"]: row["config"]["retention.ms"] for row in map(json.loads, described)}
    assert kept[raw] == str(7 * 86_400_000)
