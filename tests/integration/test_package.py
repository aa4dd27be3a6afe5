"""The base install is the contract: msgspec and nothing else."""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]

USE = """
import sys
from schemas import EnrichedMention, decode_enriched, topics
from schemas.headers import revision
found = {name.partition(".")[0] for name in sys.modules}
print(sorted(found & {"msgspec", "kafka", "aiokafka", "faust", "elasticsearch", "pydantic"}))
import importlib.resources as resources
print((resources.files("schemas") / "published" / "EnrichedMention.json").is_file())
print(decode_enriched(sys.stdin.buffer.read()).id)
"""


def test_a_consumer_installs_the_schemas_alone(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "fresh")
    python = tmp_path / "fresh" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", str(wheel)], check=True)
    listed = subprocess.check_output([*pip, "list", "--format", "freeze"], text=True).split()
    assert sorted(line.partition("==")[0] for line in listed) == ["mention-pipeline", "msgspec"]
    recorded = ROOT / "tests" / "data" / "messages" / "1.0" / "EnrichedMention.json"
    answer = subprocess.check_output(
        [str(python), "-c", USE], input=recorded.read_bytes().splitlines()[0], cwd=tmp_path
    )
    assert answer.decode().splitlines() == ["['msgspec']", "True", "feeds:8f14e45fceea167a"]
