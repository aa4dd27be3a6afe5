import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pipeline.awake import Awake

SLEEPER = """
import sys, time
from pipeline.awake import Awake
def slept(seconds):
    print(round(seconds), flush=True)
    sys.stdout.close()
    import os
    os._exit(75)
awake = Awake(0.8, slept)
print("ready", flush=True)
while True:
    awake.look()
    time.sleep(0.001)
"""


pytestmark = pytest.mark.alone


def test_a_process_that_was_suspended_does_nothing_more() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "ready\n"
        os.kill(it.pid, signal.SIGSTOP)
        time.sleep(1.2)
        os.kill(it.pid, signal.SIGCONT)
        # At least what was slept here: the machine itself may have been suspended meanwhile.
        assert int(it.stdout.readline()) >= 1
        assert it.wait(10) == 75


def test_a_busy_one_is_awake() -> None:
    slept: list[float] = []
    awake = Awake(0.8, slept.append)
    busy = threading.Event()
    busy.wait(1.0)  # nobody looks but the thread
    awake.look()
    assert slept == []
