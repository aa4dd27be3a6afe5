"""Elasticsearch: index templates, documents, the bulk writer and queries."""
