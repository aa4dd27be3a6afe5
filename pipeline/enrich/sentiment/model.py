"""A trained model as a file or a message: weights of hashed pieces and of a few plain features.

Two numbers a feature: how much it speaks for negative and for positive rather than neutral. The
hashed ones are kept as bytes, compressed; a model takes well under a megabyte. ``version`` is made
from the weights alone; lexicon and rules, on which results depend too, have a version of their own,
and a result names both (``trained``).
"""

import hashlib
import zlib
from array import array
from collections.abc import Iterable
from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.enrich.sentiment.grams import BUCKETS

__all__ = ["LIMIT", "Model", "Source", "decode", "encode", "make", "shipped"]

LIMIT: Final = 1_000_000
"""Bytes of the largest model there may be."""
_FULL: Final = 127
_CUT: Final = 10_000
"""One in so many weights may be cut to the largest byte, so that the others are not too coarse."""
_FORMAT: Final = 1


class Source(Struct, frozen=True):
    """A set of labelled texts that a model was fitted on."""

    name: str
    texts: int
    licence: str = ""


class Model(Struct, frozen=True, kw_only=True):
    """What one language's tone is judged with."""

    language: str
    version: str
    hashed: bytes
    """Compressed signed bytes: of each bucket the negative and the positive weight."""
    scale: float
    """What such a byte is multiplied with."""
    plain: tuple[tuple[float, float], ...]
    """The weights of ``trained.plain``, in its order."""
    bias: tuple[float, float]
    heat: float
    """What sums are multiplied with before they become probabilities: the calibration."""
    sources: tuple[Source, ...] = ()
    figures: dict[str, float] = {}
    """Measured on held-out folds when it was trained."""
    seen: bytes = b""
    """CRC-32 of each text of the customer's own that it was fitted on, four bytes each."""
    format: int = _FORMAT

    def weights(self) -> "array[int]":
        """The hashed weights, unpacked."""
        return array("b", zlib.decompress(self.hashed))


def make(
    language: str,
    hashed: Iterable[float],
    plain: Iterable[tuple[float, float]],
    bias: tuple[float, float],
    heat: float,
    *,
    sources: tuple[Source, ...] = (),
    figures: dict[str, float] | None = None,
) -> Model:
    """Round the weights and make a model of them.

    Args:
        language: its ISO 639-1 code.
        hashed: ``2 * BUCKETS`` numbers, as in ``Model.hashed``.
        plain: see ``Model``.
        bias: see ``Model``.
        heat: see ``Model``.
        sources: what it was fitted on.
        figures: how good it was on what it was not fitted on.
    """
    numbers = list(hashed)
    sizes = sorted(map(abs, filter(None, numbers))) or [1.0]
    full = sizes[-1 - len(sizes) // _CUT]
    scale = full / _FULL
    rounded = [round(max(-full, min(n, full)) / scale) for n in numbers]
    packed = zlib.compress(array("b", rounded).tobytes(), 9)
    made = Model(
        language=language,
        version="",
        hashed=packed,
        scale=scale,
        plain=tuple(plain),
        bias=bias,
        heat=heat,
    )
    digest = hashlib.sha256(msgspec.msgpack.encode(made)).hexdigest()[:12]
    return msgspec.structs.replace(made, version=digest, sources=sources, figures=figures or {})


def encode(model: Model) -> bytes:
    """Write a model."""
    return msgspec.msgpack.encode(model)


def decode(data: bytes) -> Model:
    """Read a model.

    Raises:
        ValueError: it is none, is of another format, or does not unpack to the right size.
    """
    try:
        model = msgspec.msgpack.decode(data, type=Model)
        unpacker = zlib.decompressobj()
        size = len(unpacker.decompress(model.hashed, 2 * BUCKETS + 1))
    except (msgspec.MsgspecError, zlib.error) as error:
        msg = f"not a model: {error}"
        raise ValueError(msg) from error
    if model.format != _FORMAT or size != 2 * BUCKETS:
        msg = f"a model of format {model.format} with {size} weights; this version reads {_FORMAT}"
        raise ValueError(msg)
    return model


def shipped(language: str) -> Model:
    """The model that comes with the package.

    Raises:
        FileNotFoundError: there is none for the language.
    """
    return decode(files(__package__).joinpath("data", f"{language}.model").read_bytes())
