// The main job as a user of the official JavaScript SDK writes it; prints what came of it.
'use strict';

const sdk = require('purecloud-platform-client-v2');

async function main() {
  const { PORT, CLIENT_ID, CLIENT_SECRET } = process.env;
  const client = sdk.ApiClient.instance;
  client.setGateway({ host: '127.0.0.1', protocol: 'http', port: Number(PORT) });
  await client.loginClientCredentialsGrant(CLIENT_ID, CLIENT_SECRET);
  const api = new sdk.OAuthApi();
  const me = await api.getOauthClient(CLIENT_ID);

  const made = await api.postOauthClients({
    name: 'quickstart',
    authorizedGrantType: 'CLIENT-CREDENTIALS',
    roleDivisions: me.roleDivisions,
  });
  const { secret } = await api.postOauthClientSecret(made.id);
  const listed = (await api.getOauthClients()).entities.map((entity) => entity.id);

  await client.loginClientCredentialsGrant(made.id, secret);
  const caller = (await new sdk.TokensApi().getTokensMe()).OAuthClient;
  await client.loginClientCredentialsGrant(CLIENT_ID, CLIENT_SECRET);
  await api.deleteOauthClient(made.id);
  const remaining = (await api.getOauthClients()).entities.map((entity) => entity.id);

  const result = { id: made.id, caller: caller.id, listed, remaining };
  console.log(JSON.stringify({ ...result, secrets: [made.secret, secret] }));
}

main();
