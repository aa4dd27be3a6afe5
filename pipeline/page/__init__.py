"""The page on which an analyst corrects a mention that Kibana shows; off unless configured."""
