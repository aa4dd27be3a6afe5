"""The demo: an invented company, what is said about it, and the places where that is read."""
