"""The certificate that the page shows to browsers."""

import ssl

from pipeline.errors import ConfigError
from pipeline.settings import Page

__all__ = ["context"]


def context(page: Page) -> ssl.SSLContext | None:
    """What TLS shows; None where none is used.

    Raises:
        ConfigError: there is no such file, or no certificate and its key are in it.
    """
    if page.cert_file is None:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(page.cert_file, page.key_file)
    except OSError as error:  # what ssl raises is one, and names no file
        files = ", ".join(str(each) for each in (page.cert_file, page.key_file) if each)
        msg = f"the page's certificate and key cannot be read: {files}: {error.strerror or error}"
        raise ConfigError(msg) from error
    return made
