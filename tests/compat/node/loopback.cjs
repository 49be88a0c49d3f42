// Names under localhost are this machine (RFC 6761), which not every resolver knows.
'use strict';

const dns = require('node:dns');

const { lookup } = dns;
dns.lookup = (name, options, ...rest) =>
  lookup(String(name).endsWith('.localhost') ? '127.0.0.1' : name, options, ...rest);
