"""Reads a team's mentions with kafka-python; whatever is killed, nothing is lost.

pip install mention-pipeline kafka-python lz4
python python_kafka.py 127.0.0.1:9092 mentions.routed.press press-desk
"""

import sys

from kafka import KafkaConsumer

from schemas import decode_enriched, headers

bootstrap, topic, group = sys.argv[1:]
consumer = KafkaConsumer(
    topic,
    bootstrap_servers=bootstrap,
    group_id=group,
    auto_offset_reset="earliest",  # a new group starts with all that is kept
    enable_auto_commit=False,  # what is read is not yet done
    session_timeout_ms=10_000,
)
while True:
    batches = consumer.poll(timeout_ms=1_000)
    for record in (record for batch in batches.values() for record in batch):
        if record.value is None:  # a tombstone: to delete it is a duty
            upto = headers.revision(record.headers, record.timestamp)
            print("deleted", record.key.decode(), upto, flush=True)
        else:  # fields of a newer minor version are passed over
            mention = decode_enriched(record.value)
            print("mention", mention.id, mention.revision, mention.language.code, flush=True)
    if batches:
        consumer.commit()  # after the work: a kill before it means doing the batch again
