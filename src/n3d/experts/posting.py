"""One HTTP request whose failures are told apart: of the address, the network, the server."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from n3d.errors import InputError, printable

MAX_BYTES = 8 << 20
EXCERPT = 200
MOST_REDIRECTS = 3
_AGAIN = (429, 500, 502, 503, 504)
_PATH = "/chat/completions"


class Failure(Exception):
    """Why there is no answer: `again` if repeating may help, after `wait` seconds if known."""

    def __init__(
        self,
        code: str,
        message: str,
        excerpt: str = "",
        *,
        again: bool = False,
        wait: float | None = None,
        limit: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.excerpt = code, message, excerpt
        self.again, self.wait, self.limit, self.tries = again, wait, limit, 1


def address(url: Any) -> str:
    """The address for chat completions; InputError for anything but http and https."""
    problem = ""
    parts = SplitResult("", "", "", "", "")
    try:
        parts = urlsplit(url) if isinstance(url, str) else parts
        host, _ = parts.hostname, parts.port
        if host:
            host.encode("idna")
    except ValueError:  # a port or host that is none; UnicodeError is one of them
        host, problem = None, "has no valid host or port"
    if not problem and (parts.scheme not in ("http", "https") or not host):
        problem = "is no http or https address"
    elif parts.username or parts.password:
        problem = "holds a user or a password"
    elif re.search(r"[\x00-\x20\x7f-\U0010ffff]", parts.netloc + parts.path + parts.query):
        problem = "holds blanks, control characters or letters beyond ASCII"
    if problem:
        shown = re.sub(r"//[^/@]*@", "//", printable(url)).partition("?")[0]
        raise InputError(
            problem, code="endpoint-url", file=shown, hint="Give http://HOST:PORT/v1, and key="
        )
    path = parts.path.rstrip("/")
    if not path.endswith(_PATH):
        path = (path or "/v1") + _PATH
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> bytes:
    """The body of the answer to a POST; Failure otherwise.

    Only redirects that keep the method (307, 308) are followed, to the same host and port or
    from http to https: headers hold keys.
    """
    for _ in range(MOST_REDIRECTS + 1):
        deadline = time.monotonic() + timeout
        try:
            request = urllib.request.Request(url, body, dict(headers), method="POST")
            with _opener(url).open(request, timeout=timeout) as response:
                return _read(response, deadline, timeout)
        except urllib.error.HTTPError as e:
            with e:
                if not 300 <= e.code < 400:
                    raise _refused(e) from None
                url = _redirected(url, e)
        except urllib.error.URLError as e:
            reason = e.reason if isinstance(e.reason, BaseException) else e
            raise _unreachable(reason, timeout) from None
        except (OSError, http.client.HTTPException, ValueError) as e:
            raise _unreachable(e, timeout) from None
    raise Failure("endpoint-redirect", "redirects without end", limit=f"{MOST_REDIRECTS} redirects")


def printed(text: str) -> str:
    """The beginning of a text on one line, printable characters alone."""
    line = " ".join(text.split())
    return "".join(c for c in line if c.isprintable())[:EXCERPT]


class _Unfollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(url: str) -> urllib.request.OpenerDirector:
    """The system's proxies are for other machines than this one."""
    host = urlsplit(url).hostname or ""
    here = host in ("localhost", "::1") or host.startswith("127.")
    return urllib.request.build_opener(
        _Unfollowed, *([urllib.request.ProxyHandler({})] if here else [])
    )


def _read(response: Any, deadline: float, timeout: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(1 << 16):
        size += len(chunk)
        if size > MAX_BYTES:
            raise Failure("endpoint-large", "answers without end", limit=f"{MAX_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise _unreachable(TimeoutError(), timeout)
        chunks.append(chunk)
    if response.length:  # read1 does not tell that bytes are missing
        raise Failure("endpoint-broken", "broke the connection inside its answer", again=True)
    return b"".join(chunks)


def _redirected(url: str, error: urllib.error.HTTPError) -> str:
    to = urlsplit(urljoin(url, error.headers.get("Location") or ""))
    old = urlsplit(url)
    kept = to.netloc == old.netloc and to.scheme == old.scheme
    kept |= to.hostname == old.hostname and (old.scheme, to.scheme) == ("http", "https")
    if error.code not in (307, 308) or not kept or "@" in to.netloc:
        shown = printable(f"{to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}")[:EXCERPT]
        raise Failure(
            "endpoint-redirect",
            f"redirects (HTTP {error.code}) to {shown}, which is not followed",
        )
    return urlunsplit((to.scheme, to.netloc, to.path, to.query, ""))


def _refused(error: urllib.error.HTTPError) -> Failure:
    """The failure of a server that answers with an error."""
    status = error.code
    excerpt = _excerpt(error)
    if status in (401, 403):
        return Failure("endpoint-key", f"refuses the key (HTTP {status})", excerpt)
    if status == 404:
        return Failure("endpoint-missing", "has no such address or model (HTTP 404)", excerpt)
    again = status in _AGAIN
    wait = _wait(error.headers.get("Retry-After")) if again else None
    return Failure("endpoint-http", f"answers HTTP {status}", excerpt, again=again, wait=wait)


def _excerpt(body: IO[bytes]) -> str:
    try:
        return body.read(4096).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError):
        return ""


def _wait(text: str | None) -> float | None:
    """Seconds of a Retry-After, which is a number or a date."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()):
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def _unreachable(error: BaseException, timeout: float) -> Failure:
    """The failure of a request that got no answer, by what the system says."""
    if isinstance(error, TimeoutError):
        return Failure("endpoint-timeout", f"does not answer in {timeout:g} s", again=True)
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or "no TLS"
        return Failure("endpoint-tls", f"cannot be reached by TLS: {reason}")
    if isinstance(error, socket.gaierror):
        return Failure("endpoint-host", "is on an unknown host")
    if isinstance(error, ConnectionRefusedError):
        return Failure("endpoint-refused", "refuses the connection")
    if isinstance(error, ConnectionError | http.client.IncompleteRead):
        return Failure("endpoint-broken", "broke the connection without an answer", again=True)
    if isinstance(error, http.client.HTTPException):
        return Failure("endpoint-protocol", f"does not speak HTTP ({type(error).__name__})")
    said = getattr(error, "strerror", None) or type(error).__name__
    return Failure("endpoint-network", f"cannot be reached: {said}")
