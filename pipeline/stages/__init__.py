"""Stages: thin Faust wiring, one file each: topic in, function, topics out."""
