"""The way to the API: directly, or through the proxy that the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from target_tocobagus.cli.check.masking import masked_url, with_scheme
from target_tocobagus.cli.check.observed import Proxy, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS: Final = {"http": 80, "https": 443}


def route(api_url: str, proxy: str | None, environ: Mapping[str, str]) -> Route | None:
    """Find the way to a URL.

    Args:
        api_url: The API's, already checked.
        proxy: What `requests` would send it through.
        environ: The environment, to say which variable names the proxy.

    Returns:
        ``None`` where the proxy is none that a run can use.
    """
    parts = urlsplit(api_url)
    port = parts.port or _PORTS[parts.scheme]
    through = None
    if proxy is not None:
        through = _proxy(proxy, variable_of(proxy, parts.scheme, environ))
        if through is None:
            return None
    return Route(str(parts.hostname), port, parts.scheme == "https", through)


def variable_of(proxy: str, scheme: str, environ: Mapping[str, str]) -> str:
    """Find the variable that names a proxy, for URLs of a scheme."""
    names = [f"{scheme}_proxy", "all_proxy"]
    named = (name for name, value in environ.items() if value == proxy and name.lower() in names)
    return next(named, names[0].upper())


def _proxy(url: str, variable: str) -> Proxy | None:
    try:
        parts = urlsplit(with_scheme(url))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in _PORTS:
        return None
    has_user = "@" in parts.netloc
    return Proxy(masked_url(url), host, port or _PORTS[parts.scheme], variable, has_user)
