"""All findings, with their meaning and what to do about them.

Of the API's error codes only AUTH_003 and AUTH_010 are documented, and no HTTP status is. If two
causes look the same from here, both are named.
"""

from __future__ import annotations

from target_tocobagus.cli.check.page import Diagnosis, attention, ok, wrong


class Setup(Diagnosis):
    """The settings, the mappings, the file of rejected rows, the ledger."""

    SETTINGS_VALID = ok("settings", "{source}: {count}, all valid.")
    SETTINGS_DOUBTFUL = attention(
        "settings", "A run would start with {source}, but:", "Correct what is not intended."
    )
    SETTINGS_INVALID = wrong(
        "settings",
        "A run would not start with {source}:",
        "Correct these settings; `target-tocobagus --about --format=markdown` describes each.",
    )
    MAPPINGS_VALID = ok("mappings", "`streams`{state}. {hint}")
    MAPPINGS_DOUBTFUL = attention(
        "mappings", "A run would start with these mappings, but:", "Correct what is not intended."
    )
    MAPPINGS_INVALID = wrong(
        "mappings",
        "A run would not start with these mappings:",
        "Correct these mappings; the README has examples.",
    )
    FILE_MAPPED = ok("mappings", "{file}:")
    FILE_DOUBTFUL = attention(
        "mappings",
        "A run would read all of {file}, but:",
        "See each mapping with its first records:",
    )
    FILE_FAILS = wrong(
        "mappings", "A run would fail with {file}:", "See each mapping with its first records:"
    )
    FILE_BROKEN = wrong(
        "mappings",
        "A run would end before the end of {file}:",
        "Give a run all that the tap writes to stdout, as it comes.",
    )
    FILE_UNMAPPED = wrong(
        "mappings", "A run would send nothing of {file}:", "Draft mappings for its streams:"
    )
    FILE_EMPTY = wrong(
        "mappings",
        "{file} has no SCHEMA message of a Singer stream, and is not a catalog.",
        "Give what the tap writes to stdout, its catalog, or a spreadsheet saved as CSV.",
    )
    MAPPING_UNUSED = attention(
        "mappings",
        "Some mappings are not used:",
        "Compare their stream names with those in the tap's SCHEMA messages.",
    )
    REJECTS_UNSET = ok("rejects", "rejects_path is not set: rejected rows are only in the log.")
    REJECTS_USABLE = ok("rejects", "{path} {state}.")
    REJECTS_BUSY = wrong(
        "rejects",
        "A run is writing to {path}, and a second run would not start.",
        "Let it end first, or give each run a file of its own.",
    )
    REJECTS_UNUSABLE = wrong(
        "rejects",
        "{path} {problem}, and a run would not start.",
        "Let the user that runs the target write there, or name another file in rejects_path; a run"
        " creates it.",
    )
    LEDGER_USABLE = ok("ledger", "{place} {state}.")
    LEDGER_BUSY = wrong(
        "ledger",
        "A run of this store uses {place} ({holder}), and a second run would not start.",
        "Let it end first.",
    )
    LEDGER_OTHER_PARTS = wrong(
        "ledger",
        "A run would stop at {problem}.",
        "With this configuration, the command is:",
    )
    LEDGER_UNUSABLE = wrong(
        "ledger",
        "{place}: {problem}. A run would not start.",
        "Correct ledger, or let the user that runs the target write there; see docs/ledger.md.",
    )


class Network(Diagnosis):
    """On the way to the API: whether this machine reaches it, and whether it is the API."""

    PROXY_USED = ok("proxy", "{variable} sends requests through {proxy}.")
    PROXY_UNUSABLE = wrong(
        "proxy",
        "{variable} is {proxy}, which is not a proxy that a run can use.",
        "Write it as http://HOST:PORT, or with a user as http://USER:PASSWORD@HOST:PORT, with"
        " special characters percent-encoded. SOCKS is not supported.",
        "the proxy cannot be used",
    )
    PROXY_UNREACHABLE = wrong(
        "proxy",
        "The proxy {hop} cannot be reached: {reason}.",
        "Check {variable}, and this machine's DNS. If no proxy is needed here, remove it from the"
        " environment, or add {host} to NO_PROXY.",
        "the proxy cannot be reached",
    )
    PROXY_WANTS_USER = wrong(
        "proxy",
        "The proxy asks for a user and a password (HTTP 407){given}.",
        "Write them into the URL: {variable}=http://USER:PASSWORD@HOST:PORT, with special"
        " characters percent-encoded. NTLM and Kerberos are not supported.",
        "the proxy asks for a user and a password",
    )
    PROXY_REFUSES = wrong(
        "proxy",
        "The proxy does not connect to {place} (HTTP {reason}).",
        "Check the host in api_url. If it is right, ask the proxy's administrator whether CONNECT"
        " to {place} is allowed and works; or add {host} to NO_PROXY.",
        "the proxy does not connect",
    )
    PROXY_LOST = wrong(
        "proxy",
        "The connection through the proxy ends before the API has answered ({reason}).",
        "Check that {variable} names a proxy, its port, and its scheme: for most it is http://, and"
        " requests to the API are encrypted all the same. If it does, ask the proxy's"
        " administrator; or add {host} to NO_PROXY.",
        "the connection through the proxy is lost",
    )
    NAME_RESOLVES = ok("name", "{name} is {addresses}.{by_proxy}")
    NAME_UNKNOWN = wrong(
        "name",
        "The name {host} does not resolve ({reason}).",
        "Check the host in api_url, and this machine's network and DNS. If this network has a"
        " proxy, set HTTPS_PROXY.",
        "the name does not resolve",
    )
    CONNECTS = ok("connection", "{hop} accepts a connection within {ms} ms.")
    REFUSED = wrong(
        "connection",
        "{place} refuses the connection: the machine exists, but nothing listens on the port.",
        "Check host and port in api_url, and that the server runs.",
        "the connection is refused",
    )
    NO_CONNECTION = wrong(
        "connection",
        "{place} cannot be reached ({reason}).",
        "Check that this machine has a network. Often a firewall is the cause: allow this machine"
        " to connect to {place}, or set HTTPS_PROXY if this network has a proxy.",
        "there is no connection",
    )
    CERTIFICATE_GOOD = ok("certificate", "Valid for {host}{details}.")
    PLAIN_HTTP = ok("certificate", "Plain http, which does not leave this machine.")
    UNTRUSTED = wrong(
        "certificate",
        "It does not verify with the authorities in {bundle} ({reason}). Nothing was sent.",
        "If a proxy or a firewall here inspects TLS, name a PEM file with its certificate"
        " authority in REQUESTS_CA_BUNDLE. Otherwise this is not the API. See its issuer:",
        "the certificate is not trusted",
    )
    WRONG_NAME = wrong(
        "certificate",
        "It is for another host than {host}. Nothing was sent.",
        "Check the host in api_url. If it is right, another server answers in the API's place."
        " See its name:",
        "the certificate is for another host",
    )
    OUT_OF_DATE = wrong(
        "certificate",
        "It is not valid at {now}, the time on this machine's clock ({reason}). Nothing was sent.",
        "Check this machine's date. If it is right, the server needs a new certificate.",
        "the certificate is not valid at this time",
    )
    BUNDLE_UNREADABLE = wrong(
        "certificate",
        "{bundle} cannot be read as certificates, so no certificate can be verified.",
        "Name a PEM file in REQUESTS_CA_BUNDLE (without it, CURL_CA_BUNDLE is read), or remove it"
        " from the environment.",
        "no certificate can be verified",
    )
    TLS_FAILED = wrong(
        "certificate",
        "TLS with {place} fails ({reason}). Nothing was sent.",
        "Check host and port in api_url: this may be a plain http server, which is for this"
        " machine's own addresses only. Check any proxy or firewall on the way. See more:",
        "TLS fails",
    )


class Answers(Diagnosis):
    """What the API answers to a signed read."""

    API_ANSWERS = ok("answer", "The API answers a read after {ms} ms (GET {path}).")
    NO_ANSWER = wrong(
        "answer",
        "The connection is open, but no complete answer came within {seconds} s.",
        "Try again. If it happens again, the API is slow or hangs: ask its support; or a proxy or"
        " firewall on the way holds the answer back.",
        "there is no answer",
    )
    CONNECTION_LOST = wrong(
        "answer",
        "The connection was accepted, but there is no usable answer ({reason}).",
        "Check host and port in api_url: this may not be an HTTP server, or one that wants https."
        " If they are right, try again; a proxy or firewall may cut or change what is sent.",
        "there is no answer",
    )
    PAGE = wrong(
        "answer",
        "The answer is not a JSON object of up to 8 MiB, so it is not from the API (HTTP"
        " {status}{server}){by_proxy}. It begins: {text}",
        "Check host and path in api_url. If they are right, something on the way has answered: a"
        " proxy, a firewall, or a network's login page.",
        "it is not the API that answers",
    )
    REDIRECTED = wrong(
        "answer",
        "The answer is a redirect to {location} (HTTP {status}). A run never follows one, because"
        " that would send the credentials elsewhere.",
        "If you trust that place, name it in api_url; if not, something on the way has answered.",
        "the answer is a redirect",
    )
    NOT_FOUND = wrong(
        "answer",
        "The API does not know the path of the read{said}.",
        "Check the path in api_url: it ends in /api/v1, and the read goes to {path} below it. That"
        " path is documented beside the one that a run writes to, but may not exist.",
        "the API does not know the path",
    )
    THROTTLED = wrong(
        "answer",
        "The API asks to try again later{said}.{after}",
        "Try again later. If a run is active, requests_per_minute slows it down.",
        "the API asks to try again later",
    )
    SERVER_FAILS = wrong(
        "answer",
        "The API fails{said}.{after}",
        "The fault is the server's: try again later, and give the requestId, if there is one, to"
        " the API's support.",
        "the API fails",
    )
    REFUSED = wrong(
        "answer",
        "The API refuses the read, or answers in another form than is documented{said}.",
        "What this means is not documented. Check api_url: this may be another service. If it is"
        " right, give the code and the requestId to the API's support.",
        "the API refuses the read",
    )
    CLOCK_RIGHT = ok("clock", "The server's clock is {offset}; 300 s are allowed.")
    CLOCK_OFF = attention(
        "clock",
        "The server's clock is {offset}; 300 s are allowed.",
        "Synchronise this machine's clock (NTP).",
    )
    CLOCK_REFUSED = attention(
        "clock",
        "The server refuses the time of the request{said}. Its clock is {offset}; 300 s are"
        " allowed.",
        "Synchronise this machine's clock (NTP). After one refused request, a run uses the"
        " server's time; so does this check from here on.",
    )
    CLOCK_STUBBORN = wrong(
        "clock",
        "The server refuses the time of the request{said}, although it is the server's own.",
        "There may be several servers whose clocks differ: give the requestId to the API's"
        " support.",
        "the server refuses every timestamp",
    )
    CLOCK_UNKNOWN = wrong(
        "clock",
        "The server refuses the time of the request{said}, and the answer has no time.",
        "Synchronise this machine's clock (NTP); it now says {now}.",
        "the server refuses the timestamp",
    )
    SIGNATURE_ACCEPTED = ok(
        "signature",
        "The server accepts the signature, the store and its token, for a read. Only a run can tell"
        " whether it may also write to the store.",
    )
    SIGNED_OTHERWISE = wrong(
        "signature",
        "The secret is right, but the server wants another form of signature: {new}. It refuses:"
        " {old}.",
        "Set {settings}.",
    )
    SIGNATURE_REFUSED = wrong(
        "signature",
        "The server does not accept the signature{said}. It refuses {tried}: sha256= or bare hex,"
        " the path with /api/v1 or without.",
        "Check partner_secret and partner_client_id: which of the two is wrong cannot be told from"
        " here. If both are right, the server signs something else than what is shown below: show"
        " it to the API's support, without the secret.",
    )
    CREDENTIALS_REFUSED = wrong(
        "signature", "The API does not accept the credentials{said}.", "Check {names}"
    )
