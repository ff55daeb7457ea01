"""Files behind URLs that strangers name: public addresses only, once resolved, within limits."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import urlsplit

from n3d.errors import InputError, short
from n3d.sources.files import MIB

MOST_BYTES = 32 * MIB
SECONDS = 10.0


def fetch(url: str, *, most: int = MOST_BYTES, seconds: float = SECONDS) -> bytes:
    """The body of a GET; InputError for private addresses, redirects, and beyond the limits.

    The name is resolved once and the connection goes to the address that was checked.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as e:
        raise _refused(f"is no URL: {e}") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise _refused("is no plain http or https URL")
    port = port or (443 if parts.scheme == "https" else 80)
    end = time.monotonic() + seconds
    try:
        sock = socket.create_connection((public(host, port), port), timeout=seconds)
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
        if parts.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        connection.sock = sock
        with sock:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"User-Agent": "n3d", "Accept": "*/*"})
            return _body(connection.getresponse(), most, end)
    except (OSError, http.client.HTTPException, ValueError) as e:
        if isinstance(e, InputError):
            raise
        raise _refused(f"cannot be fetched: {short(e)}") from None


def public(host: str, port: int) -> str:
    """An address of a host; InputError unless all that it has are public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _refused("is on an unknown host") from None
    addresses = [str(a[4][0]).partition("%")[0] for a in found]
    for address in addresses:
        ip = ipaddress.ip_address(address)
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if not ip.is_global or ip.is_multicast:
            raise _refused("is at an address that is not public")
    return addresses[0]


def _body(response: http.client.HTTPResponse, most: int, end: float) -> bytes:
    if response.status != 200:
        raise _refused(f"answers HTTP {response.status}")
    data = bytearray()
    while chunk := response.read1(1 << 16):
        data += chunk
        if len(data) > most:
            raise _refused("is too large", limit=f"{most >> 20} MiB")
        if time.monotonic() > end:
            raise _refused("does not come in time")
    return bytes(data)


def _refused(message: str, limit: str | None = None) -> InputError:
    return InputError(message, code="url-refused", limit=limit)
