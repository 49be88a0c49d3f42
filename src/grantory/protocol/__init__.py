"""OAuth itself: the token endpoint, its grants and client authentication, access tokens."""
