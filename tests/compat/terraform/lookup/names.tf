# Both data sources find by name.

variable "client_name" {
  type = string
}

variable "role_name" {
  type = string
}

data "genesyscloud_oauth_client" "found" {
  name = var.client_name
}

data "genesyscloud_auth_role" "found" {
  name = var.role_name
}

output "client_id" {
  value = data.genesyscloud_oauth_client.found.id
}

output "role_id" {
  value = data.genesyscloud_auth_role.found.id
}
