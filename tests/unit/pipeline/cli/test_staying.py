import signal
import subprocess
import sys

STUBBORN = """
import time
from agents import turning
turning.STOP_WITHIN = 0.3
from pipeline.cli._staying import until_signalled
stopped = until_signalled()
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def test_a_signal_ends_it_even_while_it_waits_for_something_else() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 75
