"""A mailbox on a loopback server that speaks the part of IMAP4rev1 that is needed."""

import socketserver
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Self

import pytest

from agents.errors import Denied
from agents.mail import Mail, MailConfig
from agents.source import Cursor, Refused, Rewindable, Source
from agents.testing import (
    KillContract,
    Outside,
    SourceContract,
    VolumeContract,
    drain,
    items,
    mentions,
    opened,
)

PASSWORD = "geheim"  # noqa: S105 - of this test
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Server(socketserver.ThreadingTCPServer):
    """RFC 3501: CAPABILITY, LOGIN, STATUS, EXAMINE, UID SEARCH, UID FETCH, LOGOUT."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.mails: dict[int, bytes] = {}
        self.past = range(0)
        """UIDs of a long past, in place of ``mails``, which are made as they are asked for."""
        self.came: dict[int, datetime] = {}
        """INTERNALDATE."""
        self.validity = 7
        self.commands: list[str] = []
        self.trouble: str | None = None
        """What happens when a mail is fetched."""
        self.good = 0
        """How many are fetched before."""

    @property
    def uids(self) -> Sequence[int]:
        """In order; the first has the number 1."""
        return self.past or sorted(self.mails)

    def mail(self, uid: int) -> bytes:
        if not self.past:
            return self.mails[uid]
        number = uid - self.past[0]
        head = f"From: ada@post.example\r\nMessage-ID: <m{number}@post.example>\r\n"
        date = format_datetime(START + timedelta(seconds=number))
        return f"{head}Date: {date}\r\n\r\nNummer {number}\r\n".encode()


class Session(socketserver.StreamRequestHandler):
    server: Server
    wbufsize = -1  # one segment an answer: two would wait for each other

    def handle(self) -> None:
        self.say("* OK ready")
        self.wfile.flush()
        for line in self.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            if not self.server.past:  # or they would grow with what is read
                self.server.commands.append(command)
            words = command.upper().split()
            if words[0] == "LOGOUT":
                self.say(f"* BYE\r\n{tag} OK")
                return
            if not self.answer(tag, words, command):
                return
            self.wfile.flush()

    def answer(self, tag: str, words: Sequence[str], command: str) -> bool:
        server = self.server
        if words[0] == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1")
        elif words[0] == "LOGIN" and PASSWORD not in command:
            self.say(f"{tag} NO [AUTHENTICATIONFAILED] no")
            return True
        elif words[0] == "STATUS":
            self.say(f'* STATUS "INBOX" (UIDVALIDITY {server.validity})')
        elif words[0] == "EXAMINE":
            self.say(f"* {len(server.uids)} EXISTS")
        elif words[:2] == ["UID", "SEARCH"]:
            self.say(f"* SEARCH {' '.join(map(str, self.found(command)))}")
        elif words[:2] == ["UID", "FETCH"]:
            if server.trouble and "HEADER" not in command:
                server.good -= 1
                if server.good < 0:
                    return self.fail(tag, server.trouble)
            self.fetch(words[2], headers="HEADER" in command)
        elif words[0] == "SELECT":
            self.say(f"{tag} NO only for reading")
            return True
        self.say(f"{tag} OK done")
        return True

    def found(self, command: str) -> list[int]:
        keys = command.upper().replace("(", " ").replace(")", " ").split()
        uids = self.wanted(keys[keys.index("UID", 1) + 1])
        first, _, last = keys[keys.index("US-ASCII") + 1].partition(":")
        if last:
            some = self.server.uids[int(first) - 1 : None if last == "*" else int(last)]
            uids = [uid for uid in uids if some[0] <= uid <= some[-1]]
        if "SINCE" not in keys:
            return uids
        day = datetime.strptime(keys[keys.index("SINCE") + 1], "%d-%b-%Y").replace(tzinfo=UTC)
        return [uid for uid in uids if self.server.came[uid] >= day]

    def wanted(self, spec: str) -> list[int]:
        uids = self.server.uids
        last = uids[-1] if uids else 0
        found: set[int] = set()
        for part in spec.split(","):
            first, _, end = part.partition(":")
            low, high = sorted((int(first), last if end == "*" else int(end or first)))
            found |= set(uids[bisect_left(uids, low) : bisect_right(uids, high)])
        return sorted(found)

    def fail(self, tag: str, how: str) -> bool:
        """Whether the connection goes on."""
        if how == "refused":
            self.say(f"{tag} NO [SERVERBUG] not now")
            return True
        if how == "BYE":
            self.say("* BYE going down")
        elif how == "cut in mid-mail":
            self.wfile.write(self.fetched(max(self.server.mails), headers=False)[:-90])
        elif how == "a page for people":
            self.say("<html>Wartung</html>")
        else:
            assert how == "silence"
            self.rfile.readline()
        return False

    def fetch(self, wanted: str, *, headers: bool) -> None:
        for uid in self.wanted(wanted):
            self.wfile.write(self.fetched(uid, headers=headers))

    def fetched(self, uid: int, *, headers: bool) -> bytes:
        raw = self.server.mail(uid)
        size = len(raw)
        part = "BODY[HEADER]" if headers else "BODY[]"
        sent = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if headers else raw
        head = f"* {uid} FETCH (UID {uid} FLAGS () RFC822.SIZE {size} {part} {{{len(sent)}}}\r\n"
        return head.encode() + sent + b")\r\n"

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Mailbox(Outside):
    """The folder INBOX."""

    kind = "mail"
    secret = PASSWORD

    def __init__(self, server: Server) -> None:
        self.server = server
        self.options: dict[str, Any] = {}
        self.port = server.server_address[1]

    def described(self) -> dict[str, Any]:
        return {
            "type": "mail",
            "name": "it",
            "server": "127.0.0.1",
            "port": self.port,
            "user": "listener",
            "password": "env:MAIL_PASSWORD",
            "tls": False,
            "timeout": 3,
            **self.options,
        }

    def source(self) -> Source:
        return Mail(MailConfig.model_validate(self.described()))

    def reach_back(self, number: int) -> Self:
        self.server.past = range(4_000_000_000, 4_000_000_000 + number)
        return self

    def put(self, mail: EmailMessage) -> None:
        raw = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        uid = max(self.server.mails, default=0) + 1
        self.server.mails[uid] = raw
        self.server.came[uid] = START + timedelta(days=uid)

    def add(self, texts: Sequence[str]) -> None:
        for text in texts:
            number = len(self.server.mails)
            self.put(letter(text, number))

    def spoil(self) -> None:
        mail = letter("", len(self.server.mails))
        del mail["Subject"]
        self.put(mail)

    def vanish(self) -> None:
        self.port = 1

    def trouble(self, how: str, *, after: int) -> None:
        self.options["timeout"] = 1 if how == "silence" else 3
        self.server.trouble, self.server.good = how, after * 25  # in the middle of a page

    def mend(self) -> None:
        self.server.trouble = None


def letter(text: str, number: int) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ada <ada@post.example>"
    mail["Subject"] = "Rundbrief: Wärme"
    mail["Date"] = START + timedelta(minutes=number)
    mail["Message-ID"] = f"<m{number}@post.example>"
    mail.set_content(text)
    return mail


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Mailbox(server)
        server.shutdown()


class TestKilledWhileItReads(KillContract):
    @pytest.fixture
    def described(self, mailbox: Mailbox) -> dict[str, Any]:
        return mailbox.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 10_000

    @pytest.fixture
    def described(self, mailbox: Mailbox) -> dict[str, Any]:
        return mailbox.reach_back(self.number).described()


class TestMail(SourceContract):
    many = 50
    troubles = ("BYE", "cut in mid-mail", "refused", "a page for people", "silence")

    @pytest.fixture
    def outside(self, mailbox: Mailbox) -> Outside:
        return mailbox


def test_a_mail_with_all_it_has(mailbox: Mailbox) -> None:
    mail = letter("", 1)
    mail["List-Id"] = "Wärme <waerme.post.example>"
    mail["References"] = "<a@post.example> <b@post.example>"
    mail.set_content("<p>Die Anlage<br>läuft &amp; läuft</p>", subtype="html")
    mailbox.put(mail)
    (mention,) = mentions(drain(mailbox))
    assert mention.id == "mail:m1@post.example"
    assert (mention.title, mention.text) == ("Rundbrief: Wärme", "Die Anlage\nläuft & läuft")
    assert mention.published_at == START + timedelta(minutes=1)
    assert mention.site == "post.example"
    assert mention.author is not None
    assert (mention.author.name, mention.author.id) == ("Ada", "ada@post.example")
    assert mention.thread is not None
    assert (mention.thread.root_id, mention.thread.parent_id) == (
        "mail:a@post.example",
        "mail:b@post.example",
    )


def test_nothing_is_marked_or_changed(mailbox: Mailbox) -> None:
    mailbox.add(["eins"])
    drain(mailbox)
    said = " ".join(mailbox.server.commands).upper()
    assert "BODY.PEEK[]" in said
    assert not any(word in said for word in ("STORE", "SELECT ", "EXPUNGE", "COPY", "BODY[]"))


def test_a_folder_that_is_renumbered_is_read_anew_with_the_same_ids(mailbox: Mailbox) -> None:
    mailbox.add(["eins", "zwei"])
    pages = drain(mailbox)
    mailbox.server.validity = 8
    mailbox.server.mails = {uid + 90: raw for uid, raw in mailbox.server.mails.items()}
    again = drain(mailbox, pages[-1].cursor)
    assert [m.id for m in mentions(again)] == [m.id for m in mentions(pages)]


def test_a_folder_of_any_size_is_begun_with_its_oldest_mail(mailbox: Mailbox) -> None:
    with opened(mailbox.reach_back(150_000)) as source:
        page = next(iter(source.poll(None)))
        assert [mention.text for mention in mentions([page])] == [f"Nummer {n}" for n in range(20)]
        new = {**page.cursor, "uid": page.cursor["uid"] + 149_960}
        rest = [mention.text for mention in mentions(list(source.poll(new)))]
    assert rest == [f"Nummer {n}" for n in range(149_980, 150_000)]


def test_a_wrong_password_is_said_without_showing_it(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "falsch-und-lang")
    with pytest.raises(Denied) as denied:
        drain(mailbox)
    assert "falsch-und-lang" not in str(denied.value)


def test_a_backfill_reads_again_what_came_since_a_day_and_rests_between_pages(
    mailbox: Mailbox,
) -> None:
    texts = [f"Nummer {number}" for number in range(60)]
    mailbox.add(texts)
    cursor = drain(mailbox)[-1].cursor
    source = mailbox.source()
    assert isinstance(source, Rewindable)
    first = next(iter(source.poll(source.rewind(cursor, START + timedelta(days=12)))))
    rest = drain(mailbox, first.cursor)
    assert [mention.text for mention in mentions([first, *rest])] == texts[10:]
    # Over: what is moved here, however long ago it came, is new.
    assert rest[-1].cursor == cursor
    mailbox.add(["neu"])
    mailbox.server.came[61] = START - timedelta(days=900)
    assert [mention.text for mention in mentions(drain(mailbox, cursor))] == ["neu"]


def test_a_mail_that_cannot_even_be_written_again_holds_up_no_other(mailbox: Mailbox) -> None:
    mailbox.add(["eins"])
    mailbox.server.mails[2] = (
        b"Content-Type: multipart/mixed; boundary=a\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n\xff"
    )
    mailbox.add(["drei"])
    pages = drain(mailbox)
    (refused,) = [item for item in items(pages) if isinstance(item, Refused)]
    assert refused.key.endswith(";UID=2")
    assert [mention.text for mention in mentions(pages)] == ["eins", "drei"]
    assert items(drain(mailbox, pages[-1].cursor)) == []


def test_a_mail_that_is_too_large_is_not_even_fetched(mailbox: Mailbox) -> None:
    mailbox.options["max_bytes"] = 2_000
    mailbox.add(["eins", "x " * 3_000, "drei"])
    found = items(drain(mailbox))
    (refused,) = [item for item in found if isinstance(item, Refused)]
    assert "max_bytes" in refused.reason
    assert [mention.text for mention in mentions(drain(mailbox))] == ["eins", "drei"]
    assert "UID FETCH 2 (BODY.PEEK[] " not in " ".join(mailbox.server.commands)


def rewound(mailbox: Mailbox, cursor: Cursor | None, since: datetime) -> Cursor:
    source = mailbox.source()
    assert isinstance(source, Rewindable)
    return source.rewind(cursor, since)


def test_an_order_leaves_no_mail_unread_that_came_before_its_day(mailbox: Mailbox) -> None:
    mailbox.add([f"Nummer {number}" for number in range(5)])
    cursor = drain(mailbox)[-1].cursor
    mailbox.add(["im Dunkeln", "neu"])
    cursor = rewound(mailbox, cursor, mailbox.server.came[7] + timedelta(days=1))
    assert [mention.text for mention in mentions(drain(mailbox, cursor))] == ["im Dunkeln", "neu"]
    never = rewound(mailbox, None, mailbox.server.came[7] + timedelta(days=1))
    assert len(mentions(drain(mailbox, never))) == 7


def test_an_order_goes_as_far_back_as_the_one_that_it_interrupts(mailbox: Mailbox) -> None:
    texts = [f"Nummer {number}" for number in range(60)]
    mailbox.add(texts)
    cursor = drain(mailbox)[-1].cursor
    mailbox.add(["im Dunkeln"])
    mailbox.server.came[61] = START - timedelta(days=900)
    cursor = rewound(mailbox, cursor, START + timedelta(days=12))
    first = next(iter(mailbox.source().poll(cursor)))
    later = rewound(mailbox, first.cursor, START + timedelta(days=58))
    found = {mention.text for mention in mentions([first, *drain(mailbox, later)])}
    assert found == {*texts[10:], "im Dunkeln"}
