"""What can go wrong in the pipeline.

PipelineError
├── ConfigError           the configuration cannot work: stop and say what to change
├── StackError            the embedded servers cannot run: stop and say what to do
├── Retryable             not now: wait and try the same again, however long it takes
├── Rejected              never: the message goes to ``mentions.dead-letter``
└── Fatal                 the process cannot go on: exit without acknowledging, be restarted
"""

__all__ = ["ConfigError", "Fatal", "PipelineError", "Rejected", "Retryable", "StackError"]


class PipelineError(Exception):
    """The root of this tree."""


class ConfigError(PipelineError):
    """The configuration cannot work."""


class StackError(PipelineError):
    """The embedded servers cannot run."""


class Retryable(PipelineError):
    """It did not work now, and may later."""


class Rejected(PipelineError):
    """It cannot work, now or later."""


class Fatal(PipelineError):
    """The process cannot go on."""
