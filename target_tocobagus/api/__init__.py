"""One signed PATCH: from items to a reply.

transport         what a run depends on: the way to the API, its clock, chance
client            makes one signed attempt, and returns the answer as a value
item_json         the body: each item in one of the API's forms
signing           the signature over the body, the path and the headers
deadline          connections that keep to one deadline
addresses         connections to a host by any of its addresses
response_body     the body of an answer, read up to a limit
network_errors    errors of the HTTP libraries, as the step that failed
redaction         blanks out secrets in foreign text
"""
