"""SAML 2.0 assertions as grants (RFC 7522): what a trusted identity provider says of a person."""
