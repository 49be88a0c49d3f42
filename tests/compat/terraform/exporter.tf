# A client for a program, with its role in every division. Its secret goes into a file of its own.

variable "secrets" {
  description = "A folder that nobody else can read: the secret goes to FOLDER/<client id>."
  type        = string
}

resource "genesyscloud_oauth_client" "exporter" {
  name                          = "${var.prefix} exporter"
  description                   = "Exports at night."
  authorized_grant_type         = "CLIENT-CREDENTIALS"
  access_token_validity_seconds = 3600
  directory_client_secret       = var.secrets

  roles {
    role_id     = genesyscloud_auth_role.reader.id
    division_id = "*"
  }
}
