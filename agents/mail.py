"""A mailbox: newsletters, alert mails, what people forward: ``type = "mail"``.

Reads IMAP4rev1 (RFC 3501) through imap-tools, over TLS, without marking or moving anything. It is
also the way in for networks without an API: let their notification mails go to a mailbox.

A mail is never edited, and one that is removed from the mailbox was said all the same.

Id: ``mail:<Message-ID>``, else a hash of the mail. Cursor: the folder's ``UIDVALIDITY`` and the
last UID; when a server renumbers its folder, it is read anew, and the ids stay. In a back-fill also
``since`` and ``read``: mails that came before that day are left out up to that UID.
"""

import hashlib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from imaplib import IMAP4
from typing import Annotated, Any, Final, Literal

from imap_tools import AND, BaseMailBox, MailBox, MailBoxUnencrypted, MailMessage, U
from imap_tools.errors import ImapToolsError, MailboxLoginError
from msgspec import ValidationError
from pydantic import Field

from agents.errors import Denied, SourceError
from agents.mention import identify, make
from agents.secret import Secret
from agents.source import Cursor, Item, Page, Refused, SourceConfig
from agents.text import to_text

__all__ = ["Mail", "MailConfig"]

_PAGE: Final = 20  # mails, each of which may be large
_SEARCHED: Final = 10_000  # mails at a time: imaplib takes no line of more than a megabyte


class MailConfig(SourceConfig):
    """Keys of a ``[[sources]]`` table with ``type = "mail"``."""

    type: Literal["mail"]
    server: str
    port: Annotated[int, Field(gt=0, le=65_535)] = 993
    user: str
    password: Secret
    """Of a mailbox made for this: whoever has it can read what is in there."""
    folder: str = "INBOX"
    tls: bool = True
    """False only for a server on the same host."""
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    """Seconds to wait for the server."""
    max_bytes: Annotated[int, Field(gt=0)] = 10_485_760
    """A larger mail is refused."""


class Mail:
    """One folder of one mailbox."""

    def __init__(self, config: MailConfig) -> None:
        self.config = config
        self._feed = f"imap://{config.server}/{config.folder}"

    def close(self) -> None:
        """Nothing is held open."""

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read mails that came since, in the order in which they came.

        Raises:
            Denied: the server does not take user and password.
            SourceError: it does not answer, or not as it should.
        """
        with self._errors(), self._opened() as box:
            status = box.folder.status(self.config.folder, ["UIDVALIDITY"])
            validity = int(status["UIDVALIDITY"])
            _, (exists, *_) = box.folder.set(self.config.folder, readonly=True)
            known = cursor if cursor and cursor.get("validity") == validity else {"uid": 0}
            order: dict[str, Any] = {key: known[key] for key in ("since", "read") if key in known}
            uids = _waiting(box, int(exists), known["uid"], **order)
            for start in range(0, len(uids), _PAGE):
                some = uids[start : start + _PAGE]
                items = list(self._items(box, some))
                position: Cursor = {"validity": validity, "uid": some[-1]}
                if some[-1] != uids[-1]:
                    position |= order
                yield Page(items, position)

    def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:
        """A cursor that reads again what came since a moment, and what was still to be read.

        Servers know the day on which a mail came.
        """
        known = cursor or {"validity": 0, "uid": 0}
        day = f"{since - timedelta(days=1):%Y-%m-%d}"
        return {
            "validity": known["validity"],
            "uid": 0,
            "since": min(day, known.get("since", day)),
            "read": known.get("read", known["uid"]),
        }

    def _items(self, box: BaseMailBox, uids: Sequence[int]) -> Iterator[Item]:
        wanted = ",".join(map(str, uids))
        large = {
            int(found.uid or 0): found.size_rfc822
            for found in box.fetch(f"UID {wanted}", headers_only=True, mark_seen=False, bulk=True)
            if found.size_rfc822 > self.config.max_bytes
        }
        for uid in uids:
            if uid in large:
                reason = f"{large[uid]} bytes are more than max_bytes = {self.config.max_bytes}"
                yield Refused(f"{self._feed};UID={uid}", b"", "MailTooLarge", reason)
                continue
            for mail in box.fetch(f"UID {uid}", mark_seen=False, bulk=True):
                yield self._item(mail)

    def _item(self, mail: MailMessage) -> Item:
        raw, key = b"", f"{self._feed};UID={mail.uid}"  # till they can be read
        try:
            raw = mail.obj.as_bytes()
            named = mail.obj.get("Message-ID")
            key = identify("mail", str(named).strip().strip("<>") if named else _hash(raw))
            said = mail.text.strip() or to_text(mail.html)
            text = "\n".join(line.rstrip() for line in said.splitlines()).strip()
            subject = " ".join(mail.subject.split())
            if not text and not subject:
                return Refused(key, raw, "Empty", f"{mail.uid}: neither a subject nor a text")
            published = _date(mail)
            sender = mail.from_values
            return make(
                {
                    "id": key,
                    "channel": "mail",
                    "text": text or subject,
                    "title": subject or None,
                    "published_at": published,
                    "site": sender.email.rpartition("@")[2] or None if sender else None,
                    "author": {"id": sender.email, "name": sender.name or None} if sender else None,
                    "thread": _thread(mail, key),
                    "language_hint": mail.obj.get("Content-Language"),
                    "tags": [str(mail.obj["List-Id"])] if mail.obj["List-Id"] else [],
                },
                self.config,
                feed=self._feed,
            )
        except (ValueError, LookupError, ValidationError) as error:
            return Refused(key, raw, type(error).__name__, f"{mail.uid}: {error}")

    @contextmanager
    def _opened(self) -> Iterator[BaseMailBox]:
        config = self.config
        where: dict[str, Any] = {"host": config.server, "port": config.port}
        if config.tls:
            context = ssl.create_default_context()
            box: BaseMailBox = MailBox(**where, timeout=config.timeout, ssl_context=context)
        else:
            box = MailBoxUnencrypted(**where, timeout=config.timeout)
        try:
            # Without a folder: it is opened for reading only, afterwards.
            box.login(config.user, config.password.get_secret_value(), initial_folder=None)
            yield box
        finally:
            try:
                box.logout()
            except (IMAP4.error, OSError, ImapToolsError):
                box.client.shutdown()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        where = f"{self.config.user} at {self.config.server}"
        try:
            yield
        except MailboxLoginError as error:
            msg = f"{where}: the server does not take user and password"
            raise Denied(msg) from error
        except (IMAP4.error, ImapToolsError, OSError, ValueError, LookupError) as error:
            msg = f"{where}: {str(error)[:200] or type(error).__name__}"
            raise SourceError(msg) from error


def _waiting(
    box: BaseMailBox, exists: int, last: int, since: str | None = None, read: int = 0
) -> list[int]:
    """The UIDs after the last, without those up to ``read`` that came before a day."""
    found = _uids(box, exists, max(last, read))
    if since is not None:
        found |= _uids(box, exists, last, date_gte=date.fromisoformat(since))
    return sorted(found)


def _uids(
    box: BaseMailBox,
    exists: int,
    last: int,
    **more: Any,  # noqa: ANN401 - criteria
) -> set[int]:
    """UIDs above ``last`` that meet some criteria, in a folder of so many mails.

    They are searched for from the newest mail down: where some are removed meanwhile, others move
    down, to where they are still looked for.
    """
    asked = AND(uid=U(str(last + 1), "*"), **more)
    found: set[int] = set()
    for end in range(exists, 0, -_SEARCHED):
        first = max(end - _SEARCHED, 0) + 1
        some = f"{first}:{'*' if end == exists else end} {asked}"
        # "n:*" always answers with the last mail, even where it is older.
        new = {uid for uid in map(int, box.uids(some)) if uid > last}
        found |= new
        if not new and not more:
            break  # All below are older.
    return found


def _date(mail: MailMessage) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(mail.obj["Date"]))
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _thread(mail: MailMessage, own: str) -> dict[str, str]:
    """What it answers: the last of the references is its parent, the first one began it."""
    named = f"{mail.obj.get('References', '')} {mail.obj.get('In-Reply-To', '')}".split()
    above = [identify("mail", part.strip("<>")) for part in named if part.startswith("<")]
    if not above:
        return {"kind": "post", "root_id": own}
    return {"kind": "reply", "root_id": above[0], "parent_id": above[-1]}


def _hash(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
