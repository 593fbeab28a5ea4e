"""E-mail by SMTP."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from dispatch.transports.message import HandedOver, Message, NotSent


class EmailTransport:
    """Hands mail to one server: `smtp://` (with STARTTLS when the server offers it), `smtps://`."""

    name: Final = "email"
    public_key = None

    def __init__(self, url: str, sender: str) -> None:
        """`url` may hold user and password; they are sent only over TLS. Raises ValueError."""
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (465 if self._tls else 25)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender

    def send(self, message: Message) -> HandedOver:
        """Hand the message to the mail server; whether it arrives nobody says. Raises NotSent."""
        try:
            with self._connect(message.timeout_seconds) as server:
                server.send_message(self._written(message))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise NotSent("refused_address", gone=bool(codes) and all(code >= 500 for code in codes)) from error
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"smtp_{error.smtp_code}", lasting=error.smtp_code >= 500) from error
        except TimeoutError as error:
            raise NotSent("timed_out") from error
        except (smtplib.SMTPException, OSError) as error:
            raise NotSent("unreachable") from error
        return HandedOver()

    def _connect(self, timeout_seconds: float) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        if self._tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=timeout_seconds, context=trusted)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=timeout_seconds)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=trusted)
            elif self._user:
                server.close()
                raise NotSent("no_tls", lasting=True)
        if self._user:
            server.login(self._user, self._password)
        return server

    def _written(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.to
        mail["Subject"] = message.title
        mail["Date"] = format_datetime(message.at)
        # The same at every attempt: a mail server that sees it twice may drop the second.
        mail["Message-ID"] = f"<{message.key}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        mail.set_content(message.body)
        return mail
