"""The embedded Kafka and Elasticsearch: the real servers, without containers."""
