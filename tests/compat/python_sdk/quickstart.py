"""The main job as a user of the official Python SDK writes it; prints what came of it."""

import json
import os

import PureCloudPlatformClientV2 as sdk  # noqa: N813

client = sdk.ApiClient(host=os.environ["URL"])
client.get_client_credentials_token(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
api = sdk.OAuthApi(client)
me = api.get_oauth_client(os.environ["CLIENT_ID"])

body = sdk.OAuthClientRequest()
body.name = "quickstart"
body.authorized_grant_type = "CLIENT-CREDENTIALS"
body.role_divisions = me.role_divisions
made = api.post_oauth_clients(body)
secret = api.post_oauth_client_secret(made.id).secret
listed = [entity.id for entity in api.get_oauth_clients().entities]

other = sdk.ApiClient(host=os.environ["URL"]).get_client_credentials_token(made.id, secret)
caller = sdk.TokensApi(other).get_tokens_me().o_auth_client
api.delete_oauth_client(made.id)
remaining = [entity.id for entity in api.get_oauth_clients().entities]

result = {"id": made.id, "caller": caller.id, "listed": listed, "remaining": remaining}
print(json.dumps({**result, "secrets": [made.secret, secret]}))
