"""The command ``grantory``: a server to start, a store to keep, and clients to manage."""
