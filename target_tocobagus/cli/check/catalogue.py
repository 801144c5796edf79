"""What can be found on the way to the API."""

from __future__ import annotations

from target_tocobagus.cli.check.advice import Diagnosis, Row


class Network(Diagnosis):
    """Whether this machine reaches the API, and whether it is the API."""

    PROXY_USED = Row("proxy", "ok", "{variable} sends requests through {proxy}.")
    PROXY_UNUSABLE = Row(
        "proxy",
        "wrong",
        "{variable} names {proxy}, which is no proxy that a run can use.",
        "Write it as http://HOST:PORT, or with a user as http://USER:PASSWORD@HOST:PORT, with what"
        " URLs do not allow percent-encoded. SOCKS is not spoken here.",
        "the proxy cannot be used",
    )
    PROXY_DOWN = Row(
        "connection",
        "wrong",
        "The proxy {place} cannot be reached: {reason}.",
        "Check {variable}. If none is needed here, take it out of the environment, or put {host}"
        " into NO_PROXY.",
        "the proxy cannot be reached",
    )
    PROXY_NAME_UNKNOWN = Row(
        "name",
        "wrong",
        "The proxy's name {name} does not resolve ({reason}).",
        "Check {variable}, and this machine's DNS. If no proxy is needed here, take it out of the"
        " environment, or put {host} into NO_PROXY.",
        "the proxy's name does not resolve",
    )
    PROXY_WANTS_USER = Row(
        "proxy",
        "wrong",
        "The proxy asks for a user and a password (HTTP 407){given}.",
        "Write them into the URL: {variable}=http://USER:PASSWORD@HOST:PORT, with what URLs do not"
        " allow percent-encoded. An NTLM or Kerberos login cannot be given so.",
        "the proxy asks for a user and a password",
    )
    PROXY_FORBIDS = Row(
        "proxy",
        "wrong",
        "The proxy does not let this through to {place} (HTTP {status}).",
        "Ask who runs it to allow CONNECT to {place}; or put {host} into NO_PROXY.",
        "the proxy does not let it through",
    )
    PROXY_FAILS = Row(
        "proxy",
        "wrong",
        "The proxy cannot get through to {place} (HTTP {status}).",
        "Check the host in api_url. If it is right, ask who runs the proxy whether it can resolve"
        " and reach {place}.",
        "the proxy cannot get through",
    )
    PROXY_SPEAKS_NO_TLS = Row(
        "proxy",
        "wrong",
        "The proxy's URL begins with https://, and the proxy speaks plain http.",
        "Write http:// in {variable}: what goes to the API is encrypted all the same.",
        "the proxy does not speak TLS",
    )
    PROXY_LOST = Row(
        "proxy",
        "wrong",
        "What goes through the proxy ends before the API has answered ({reason}).",
        "Check that {variable} names a proxy, and its port. If it does, ask who runs it; or put"
        " {host} into NO_PROXY.",
        "the proxy does not let it through",
    )

    NAME_RESOLVES = Row("name", "ok", "{name} is {addresses}.{by_proxy}")
    NAME_IS_ADDRESS = Row("name", "ok", "{name} is an address.{by_proxy}")
    NAME_UNKNOWN = Row(
        "name",
        "wrong",
        "The name {name} does not resolve ({reason}).",
        "Check the host in api_url for a misspelling, and this machine's DNS. A network that lets"
        " requests out by a proxy only needs HTTPS_PROXY.",
        "the name does not resolve",
    )
    NAMES_SILENT = Row(
        "name",
        "wrong",
        "Whether {name} exists cannot be found out: no name server answers ({reason}).",
        "Check that this machine has a network, and the name servers in /etc/resolv.conf.",
        "the name does not resolve",
    )

    CONNECTS = Row("connection", "ok", "{place} takes a connection within {ms} ms.")
    REFUSED = Row(
        "connection",
        "wrong",
        "{place} refuses the connection: the machine is there, and nothing listens on the port.",
        "Check host and port in api_url, and that the server runs.",
        "the connection is refused",
    )
    NO_CONNECTION = Row(
        "connection",
        "wrong",
        "{place} does not answer: no connection within {seconds} s.",
        "Often a firewall drops what goes there: let this machine out to {place}, or set"
        " HTTPS_PROXY if this network has a proxy.",
        "there is no connection",
    )
    UNREACHABLE = Row(
        "connection",
        "wrong",
        "{place} cannot be reached ({reason}).",
        "Check that this machine has a network.",
        "there is no connection",
    )

    CERTIFICATE_GOOD = Row(
        "certificate", "ok", "Good for {host} until {until}, issued by {issuer}."
    )
    CERTIFICATE_VERIFIED = Row("certificate", "ok", "Good for {host}.")
    PLAIN_HTTP = Row("certificate", "ok", "Plain http, which does not leave this machine.")
    UNTRUSTED = Row(
        "certificate",
        "wrong",
        "Nobody in {bundle} has issued it ({reason}). Nothing was sent.",
        "If a proxy or a firewall here looks into TLS, name a PEM file with its certificate"
        " authority in REQUESTS_CA_BUNDLE. Else this is not the API. See who it is:",
        "the certificate is not trusted",
    )
    WRONG_NAME = Row(
        "certificate",
        "wrong",
        "It is for another host than {host}. Nothing was sent.",
        "Check the host in api_url. If it is right, something on the way answers in the API's"
        " place. See for whom it is:",
        "the certificate is for another host",
    )
    EXPIRED = Row(
        "certificate",
        "wrong",
        "It has expired, if it is {now} as this machine's clock says. Nothing was sent.",
        "Check this machine's date. If it is right, the certificate is the server's to renew.",
        "the certificate has expired",
    )
    NOT_YET_VALID = Row(
        "certificate",
        "wrong",
        "It is not valid yet, if it is {now} as this machine's clock says. Nothing was sent.",
        "Check this machine's date.",
        "the certificate is not valid yet",
    )
    CERTIFICATE_REFUSED = Row(
        "certificate",
        "wrong",
        "It does not verify ({reason}). Nothing was sent.",
        "See it:",
        "the certificate does not verify",
    )
    BUNDLE_UNREADABLE = Row(
        "certificate",
        "wrong",
        "{bundle} cannot be read as certificates, so that none can be verified.",
        "Name a PEM file in REQUESTS_CA_BUNDLE (else CURL_CA_BUNDLE is read), or take it out of the"
        " environment.",
        "no certificate can be verified",
    )
    NO_TLS = Row(
        "certificate",
        "wrong",
        "{place} does not speak TLS; it may be a server of plain http. Nothing was sent.",
        "Check host and port in api_url. Plain http is for this machine's own addresses only.",
        "the server does not speak TLS",
    )
    TLS_FAILED = Row(
        "certificate",
        "wrong",
        "TLS with {place} fails ({reason}). Nothing was sent.",
        "Check host and port in api_url, and what stands on the way. See more:",
        "TLS fails",
    )
