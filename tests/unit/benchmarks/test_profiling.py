from benchmarks.profiling import shares

AT = "_run_module_as_main (<frozen runpy>:198);run (pipeline/app.py:240)"


def test_the_time_of_a_library_counts_for_who_called_it() -> None:
    found = shares(
        [
            f"{AT};judge (pipeline/enrich/sentiment/trained.py:9);dot (numpy/_core/x.py:1) 30",
            f"{AT};send (aiokafka/producer/producer.py:5) 10",
            f"{AT};run_forever (asyncio/base_events.py:3) 60",
            "Thread._bootstrap (threading.py:1002);wait (threading.py:300) 900",
        ]
    )
    assert found == {"the rest of the worker": 0.6, "tone": 0.3, "sending": 0.1}


def test_a_path_of_the_same_name_elsewhere_is_not_ours() -> None:
    assert shares([f"{AT};mode (xmode/a.py:1) 1"]) == {"the rest of the worker": 1.0}
