# exporter.tf after a change: the same client, now for people who log in.

variable "secrets" {
  type = string
}

resource "genesyscloud_oauth_client" "exporter" {
  name                          = "${var.prefix} exporter"
  description                   = "Exports at night."
  authorized_grant_type         = "CODE"
  access_token_validity_seconds = 3600
  directory_client_secret       = var.secrets
  registered_redirect_uris      = ["https://export.example/callback"]
  scopes                        = ["oauth:readonly", "users"]
}
