"""Who may speak to the sandbox: one partner and the stores that gave it access."""

import msgspec


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A store that the partner may act for."""

    client_id: str
    token: str


class Credentials(msgspec.Struct, frozen=True):
    """The partner and its first store; the defaults are plainly fake and public.

    Their forms are the documentation's (22 digits, ``stkn_…``), their values nobody's.
    """

    partner_client_id: str = "2000000000000000000001"
    partner_secret: str = "sandbox-partner-secret"  # noqa: S105  # fake and public, so that a newcomer can start
    store_client_id: str = "2000000000000000000002"
    store_token: str = "stkn_sandbox"  # noqa: S105  # fake and public, as above

    def first_store(self) -> Store:
        """Give the store of these credentials."""
        return Store(self.store_client_id, self.store_token)
