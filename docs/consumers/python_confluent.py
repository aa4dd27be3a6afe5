"""Reads a team's mentions with confluent-kafka; whatever is killed, nothing is lost.

pip install mention-pipeline confluent-kafka
python python_confluent.py 127.0.0.1:9092 mentions.routed.press press-desk
"""

import sys

from confluent_kafka import Consumer, KafkaException

from schemas import decode_enriched, headers

bootstrap, topic, group = sys.argv[1:]
consumer = Consumer(
    {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",  # a new group starts with all that is kept
        "enable.auto.commit": False,  # what is read is not yet done
        "session.timeout.ms": 10_000,
    }
)
consumer.subscribe([topic])
while True:
    batch = consumer.consume(500, timeout=1)
    for record in batch:
        if record.error():
            raise KafkaException(record.error())
        if record.value() is None:  # a tombstone: to delete it is a duty
            upto = headers.revision(record.headers() or (), record.timestamp()[1])
            print("deleted", record.key().decode(), upto, flush=True)
        else:  # fields of a newer minor version are passed over
            mention = decode_enriched(record.value())
            print("mention", mention.id, mention.revision, mention.language.code, flush=True)
    if batch:
        consumer.commit(asynchronous=False)  # after the work: a kill before it repeats the batch
