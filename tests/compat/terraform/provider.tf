# The vendor's provider, pointed at Grantory by its gateway block. The credentials come from
# GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET.

terraform {
  required_version = ">= 1.5"
  required_providers {
    genesyscloud = {
      source  = "mypurecloud/genesyscloud"
      version = "1.82.0"
    }
  }
}

variable "host" {
  type = string
}

variable "port" {
  type = string
}

variable "paths" {
  description = "What stands before API and login calls, where Grantory has such prefixes."
  type        = map(string)
  default     = {}
}

provider "genesyscloud" {
  aws_region      = "us-east-1" # the provider insists on one of its regions; no call goes there
  token_pool_size = 10

  gateway {
    protocol = "http"
    host     = var.host
    port     = var.port

    dynamic "path_params" {
      for_each = var.paths
      content {
        path_name  = path_params.key
        path_value = path_params.value
      }
    }
  }
}
