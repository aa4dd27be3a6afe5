"""How unlikely a count or a share is, when things are as usual."""

import math
from typing import Final

__all__ = ["at_least", "at_most", "share_at_least"]

_SPREAD: Final = 0.25
"""What is said varies more than dice: the variance of a count is mean + this x mean squared."""
_NEGLIGIBLE: Final = 1e-12


_SIZE: Final = 1 / _SPREAD


def _chance(count: int, mean: float) -> float:
    """Of exactly so many, by a negative binomial distribution."""
    return math.exp(
        math.lgamma(count + _SIZE)
        - math.lgamma(_SIZE)
        - math.lgamma(count + 1)
        + _SIZE * math.log(_SIZE / (_SIZE + mean))
        + count * math.log(mean / (_SIZE + mean))
    )


def at_least(count: int, mean: float) -> float:
    """The chance of so many or more where ``mean`` are expected; ``mean > 0``."""
    if count <= 0:
        return 1.0
    if count <= mean:
        return 1.0 - at_most(count - 1, mean)
    factor = mean / (_SIZE + mean)
    chance = total = _chance(count, mean)
    while chance > total * _NEGLIGIBLE:  # beyond the mean each term is smaller than the one before
        chance *= (count + _SIZE) / (count + 1) * factor
        count += 1
        total += chance
    return min(total, 1.0)


def at_most(count: int, mean: float) -> float:
    """The chance of so few or fewer where ``mean`` are expected; ``mean > 0``."""
    factor = mean / (_SIZE + mean)
    chance = total = _chance(0, mean)
    for number in range(count):
        chance *= (number + _SIZE) / (number + 1) * factor
        total += chance
    return min(total, 1.0)


def share_at_least(count: int, of: int, share: float) -> float:
    """The chance that ``count`` or more ``of`` some are of a kind that usually has a share."""
    share = min(max(share, 1e-6), 1 - 1e-6)
    return min(
        math.fsum(
            math.exp(
                math.lgamma(of + 1)
                - math.lgamma(n + 1)
                - math.lgamma(of - n + 1)
                + n * math.log(share)
                + (of - n) * math.log(1 - share)
            )
            for n in range(count, of + 1)
        ),
        1.0,
    )
