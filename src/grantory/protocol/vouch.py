"""Ending tokens by their keys ends what is being issued for an earlier credential, too."""

from collections.abc import Callable
from typing import NamedTuple

from grantory.errors import GrantoryError
from grantory.ports.hot_reads import HotReads


class Vouch(NamedTuple):
    """The key of opaque tokens that was there when a credential was taken for good.

    For a refresh token it is the one that signed it; for what holds no MAC, the newest. Where it
    was removed before something is signed, every token was ended meanwhile; the key that signs may
    be one that was made for those after.
    """

    key_id: bytes
    refuse: Callable[[str], GrantoryError]
    """Makes the refusal of the credential, of a detail for the log."""

    async def require_after_opaque(self, reads: HotReads, signed_by: bytes) -> None:
        """Refuses what was signed just now, where the key of before is gone; retired is fine.

        Args:
            reads: knows the keys. The key that has signed may have been read before it was heard
                that the other is gone, so the store is asked where they differ.
            signed_by: the id of the key that has signed.

        Raises:
            GrantoryError: the refusal.
            StorageUnavailable: where the store cannot tell.
        """
        if signed_by != self.key_id and not await reads.has_key(self.key_id):
            raise self.refuse("every token was ended meanwhile")

    async def require_after_jwt(self, reads: HotReads) -> None:
        """Does the same for a JWT.

        No key of opaque tokens in memory is older than the private keys there.

        Raises:
            GrantoryError: the refusal.
            StorageUnavailable: where the store cannot tell.
        """
        if await reads.signing_key(self.key_id) is None:
            raise self.refuse("every token was ended meanwhile")
