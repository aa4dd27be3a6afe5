"""What the page shows to browsers."""

from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.page.tls import context
from pipeline.settings import Page
from tests.support.certificates import Certificates


def test_a_certificate_may_bring_its_key(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    assert context(Page()) is None
    assert context(Page(cert_file=made.ca, key_file=made.key)) is not None
    both = tmp_path / "both.pem"
    both.write_bytes(made.ca.read_bytes() + made.key.read_bytes())
    assert context(Page(cert_file=both)) is not None


def test_what_is_no_certificate_with_its_key_is_named(tmp_path: Path) -> None:
    made, other = Certificates(tmp_path / "one"), Certificates(tmp_path / "other")
    absent = tmp_path / "absent.pem"
    for cert, key in ((absent, None), (made.ca, None), (made.ca, other.key), (made.ca, absent)):
        with pytest.raises(ConfigError) as refused:
            context(Page(cert_file=cert, key_file=key))
        assert str(key or cert) in str(refused.value)
