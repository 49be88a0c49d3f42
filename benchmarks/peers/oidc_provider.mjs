// oidc-provider as a server for one machine client, with what it comes with switched on.
//   PORT, FOLDER     where to listen, and where its SQLite file goes
//   MODULES          the folder of node_modules
//   STORE            memory, or sqlite: durable as Grantory is (WAL, synchronous=FULL)
//   TOKENS           opaque, or jwt: ES256
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

const { PORT, FOLDER, MODULES, STORE, TOKENS, CLIENT_ID, CLIENT_SECRET } = process.env;
const found = createRequire(`${MODULES}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found));

const RESOURCE = 'urn:example:api';

function privateKey(type, options, alg) {
  const { privateKey: key } = generateKeyPairSync(type, options);
  return { ...key.export({ format: 'jwk' }), alg, use: 'sig', kid: alg };
}

function sqliteAdapter() {
  const database = new DatabaseSync(`${FOLDER}/oidc-provider.db`);
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
  database.exec('CREATE TABLE entry (id TEXT PRIMARY KEY, payload TEXT, expires INTEGER) WITHOUT ROWID');
  const put = database.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?, ?)');
  const get = database.prepare('SELECT payload FROM entry WHERE id = ?');
  const remove = database.prepare('DELETE FROM entry WHERE id = ?');
  return class {
    constructor(kind) {
      this.kind = kind;
    }
    async upsert(id, payload, seconds) {
      put.run(`${this.kind}:${id}`, JSON.stringify(payload), Date.now() / 1000 + seconds | 0);
    }
    async find(id) {
      const row = get.get(`${this.kind}:${id}`);
      return row && JSON.parse(row.payload);
    }
    async destroy(id) {
      remove.run(`${this.kind}:${id}`);
    }
    // Nothing that a machine client does asks for these.
    async findByUid() {}
    async findByUserCode() {}
    async consume() {}
    async revokeByGrantId() {}
  };
}

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  adapter: STORE === 'sqlite' ? sqliteAdapter() : undefined,
  cookies: { keys: ['a key of the benchmark alone'] },
  jwks: {
    keys: [
      privateKey('rsa', { modulusLength: 2048 }, 'RS256'),
      privateKey('ec', { namedCurve: 'P-256' }, 'ES256'),
    ],
  },
  scopes: ['read'],
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope: 'read',
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    resourceIndicators: {
      enabled: TOKENS === 'jwt',
      defaultResource: () => RESOURCE,
      getResourceServerInfo: () => ({
        scope: 'read',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 3600,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  routes: { token: '/oauth/token', introspection: '/oauth/introspect', registration: '/clients' },
});
provider.on('server_error', (_context, error) => console.error(error));
provider.listen(Number(PORT), '127.0.0.1');
