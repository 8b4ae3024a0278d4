// Decides flags for contexts with OpenFeature's JavaScript clients: the web provider asks over OFREP, the flagd provider decides
// in this process. Prints, for each client and context, the details of every flag as [value, variant, reason, errorCode].
// Usage: node parity.mjs URL KEY FLAGD_PORT QUESTIONS, a file of {"flags": [{"key", "type"}], "contexts": [...]}
import { readFileSync } from 'node:fs';
import { OpenFeature as Server } from '@openfeature/server-sdk';
import { FlagdProvider } from '@openfeature/flagd-provider';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature as Web } from '@openfeature/web-sdk';

const [url, key, port, file] = process.argv.slice(2);
const { flags, contexts } = JSON.parse(readFileSync(file, 'utf8'));
const told = (d) => [d.errorCode ? null : d.value, d.variant ?? '', d.reason, d.errorCode ?? ''];
const ask = {
  boolean: (c, k, x) => c.getBooleanDetails(k, false, x),
  string: (c, k, x) => c.getStringDetails(k, 'default', x),
  integer: (c, k, x) => c.getNumberDetails(k, -1, x),
  float: (c, k, x) => c.getNumberDetails(k, -1, x),
  object: (c, k, x) => c.getObjectDetails(k, {}, x),
};

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
Server.setLogger(quiet);
Web.setLogger(quiet);
await Server.setProviderAndWait(new FlagdProvider({ host: '127.0.0.1', port: Number(port), resolverType: 'in-process', selector: 'flagSetId=shop/production', cache: 'disabled', deadlineMs: 20000 }, quiet));
const flagd = [];
for (const context of contexts) {
  const row = [];
  for (const f of flags) row.push(told(await ask[f.type](Server.getClient(), f.key, context)));
  flagd.push(row);
}

await Web.setContext(contexts[0]);
await Web.setProviderAndWait(new OFREPWebProvider({ baseUrl: url, headers: [['Authorization', `Bearer ${key}`]], changeDetection: 'none' }, quiet));
const web = [];
for (const context of contexts) {
  await Web.setContext(context);
  web.push(flags.map((f) => told(ask[f.type](Web.getClient(), f.key))));
}
process.stdout.write(JSON.stringify({ flagd, web }));
await Server.close();
await Web.close();
