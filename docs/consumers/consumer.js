// Reads a team's mentions; whatever is killed, nothing is lost.
//   npm install && node consumer.js 127.0.0.1:9092 mentions.routed.press press-desk
import { Consumer, stringDeserializers } from "@platformatic/kafka";

const [bootstrap, topic, groupId] = process.argv.slice(2);
const consumer = new Consumer({
  clientId: groupId,
  groupId,
  bootstrapBrokers: bootstrap.split(","),
  deserializers: stringDeserializers,
  sessionTimeout: 10_000,
  heartbeatInterval: 3_000,
});
const stream = await consumer.consume({
  topics: [topic],
  mode: "committed",
  fallbackMode: "earliest", // a new group starts with all that is kept
  autocommit: false, // what is read is not yet done
});
for await (const { key, value, headers, timestamp, commit } of stream) {
  if (value == null) {
    // a tombstone: to delete it is a duty
    console.log("deleted", key, headers.get("ce_revision") ?? String(timestamp));
  } else {
    const mention = JSON.parse(value); // fields of a newer minor version do no harm
    console.log("mention", mention.id, mention.revision, mention.language?.code ?? "und");
  }
  await commit(); // after the work: a kill before it means doing it again
}
