"""One signed PATCH: from items to a reply.

Its files:

    transport         the API's client, or a stand-in for a dry run; clock, jitter
    client            makes one signed attempt, and returns the answer as a value
    item_json         the request's body: each item in one of the API's forms
    signing           the signature over method, path, headers and body
    deadline          connections that keep to one deadline
    addresses         connections to a host by any of its addresses
    response_body     an answer's body: read up to a limit, decoded from JSON
    network_errors    errors of the HTTP libraries, as the step that failed
    redaction         blanks out secrets in foreign text
"""
