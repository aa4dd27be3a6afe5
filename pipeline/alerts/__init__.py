"""Alerts on event time: facts in, alerts out; the same functions live and in a back-test."""
