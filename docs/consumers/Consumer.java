// Reads a team's mentions; whatever is killed, nothing is lost. Needs kafka-clients, jackson-databind and lz4-java:
//   java -cp 'jars/*' Consumer.java 127.0.0.1:9092 mentions.routed.press press-desk
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class Consumer {
    public static void main(String[] args) throws Exception {
        var json = new ObjectMapper();
        var settings = Map.<String, Object>of(
            "bootstrap.servers", args[0], "group.id", args[2],
            "auto.offset.reset", "earliest", // a new group starts with all that is kept
            "enable.auto.commit", false, // what is read is not yet done
            "session.timeout.ms", 10_000);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(args[1]));
            while (true) {
                var batch = consumer.poll(Duration.ofSeconds(1));
                for (var record : batch) {
                    var stated = record.headers().lastHeader("ce_revision");
                    if (record.value() == null) { // a tombstone: to delete it is a duty
                        System.out.println("deleted " + record.key() + " "
                            + (stated == null ? record.timestamp() : new String(stated.value())));
                    } else { // a tree passes over fields of a newer minor version
                        var mention = json.readTree(record.value());
                        System.out.println("mention " + mention.get("id").asText() + " "
                            + mention.get("revision").asLong() + " "
                            + mention.at("/language/code").asText("und"));
                    }
                }
                if (!batch.isEmpty()) consumer.commitSync(); // after the work: a kill before it repeats the batch
            }
        }
    }
}
