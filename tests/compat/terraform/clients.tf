# A role, a client for a program that holds it in the home division, and one for people.

variable "prefix" {
  description = "What names begin with, so that runs do not meet."
  type        = string
}

resource "genesyscloud_auth_role" "reader" {
  name        = "${var.prefix} reader"
  description = "Reads clients and roles."

  permission_policies {
    domain      = "oauth"
    entity_name = "client"
    action_set  = ["view"]
  }

  permission_policies {
    domain      = "authorization"
    entity_name = "role"
    action_set  = ["view", "add"]
  }
}

resource "genesyscloud_oauth_client" "home" {
  name                  = "${var.prefix} home"
  authorized_grant_type = "CLIENT-CREDENTIALS"
  expose_client_secret  = true

  roles {
    role_id = genesyscloud_auth_role.reader.id # without a division: the home division
  }
}

resource "genesyscloud_oauth_client" "portal" {
  name                     = "${var.prefix} portal"
  authorized_grant_type    = "CODE"
  registered_redirect_uris = ["https://portal.example/callback", "http://127.0.0.1:8123/callback"]
  scopes                   = ["oauth:readonly"]
  state                    = "inactive"
}
