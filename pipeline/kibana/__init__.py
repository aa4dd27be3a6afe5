"""Kibana's content as code: one description, two languages, and what brings it to a Kibana."""
