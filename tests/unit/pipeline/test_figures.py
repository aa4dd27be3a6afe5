import msgspec

from pipeline import metrics
from pipeline.figures import Meter
from schemas.figures import Figures, decode_figures


def said(
    meter: Meter, lag: int = 0, waiting: str | None = None
) -> tuple[Figures, dict[str, float]]:
    value, counted = meter.read(lag, waiting)
    return decode_figures(value), counted


def test_figures_add_up_whatever_is_lost_on_the_way() -> None:
    meter = Meter("adding")
    metrics.RECEIVED.labels("adding").inc(5)
    metrics.SENT.labels("adding", "one").inc(3)
    metrics.SENT.labels("adding", "two").inc(1)
    metrics.REJECTED.labels("adding", "ValidationError").inc(1)
    metrics.BATCH_SECONDS.labels("adding").observe(0.25)
    metrics.RECEIVED.labels("another").inc(99)
    lost, _ = said(meter, 7, "Kafka" * 200)
    assert (lost.received, lost.sent, lost.rejected, lost.lag) == (5, 4, 1, 7)
    assert (lost.batches, lost.seconds, lost.errors) == (1, 0.25, {"ValidationError": 1})
    assert lost.waiting_for
    assert len(lost.waiting_for) == 500

    metrics.RECEIVED.labels("adding").inc(2)
    first, counted = said(meter)
    assert (first.received, first.start) == (7, lost.start)
    meter.confirmed(counted)
    metrics.RECEIVED.labels("adding").inc(1)
    second, _ = said(meter)
    assert (second.received, second.sent, second.errors) == (1, 0, {})
    assert second.start == first.end
    assert msgspec.json.decode(meter.read(0, None)[0]).keys() >= {"stage", "process"}
