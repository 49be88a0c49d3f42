"""Encryption of stored keys and digests of passwords; thin layers over known libraries."""
