// Reads flags through OpenFeature's JavaScript SDK and prints the details of each as JSON.
// Usage: node read.mjs URL KEY
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const [url, key] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: url, headers: [['Authorization', `Bearer ${key}`]] }));
const client = OpenFeature.getClient();
const pro = { targetingKey: 'user-1', plan: 'pro' };
const free = { targetingKey: 'user-1', plan: 'free' };
const details = {
  boolean: await client.getBooleanDetails('banner', true, free),
  string: await client.getStringDetails('headline', 'default', free),
  stringForPro: await client.getStringDetails('headline', 'default', pro),
  integer: await client.getNumberDetails('limit', 1, free),
  float: await client.getNumberDetails('rate', 1, free),
  object: await client.getObjectDetails('theme', {}, free),
  split: await client.getBooleanDetails('divided', false, free),
  keyless: await client.getBooleanDetails('divided', false, {}),
  missing: await client.getBooleanDetails('nothing', true, free),
  mistyped: await client.getStringDetails('banner', 'default', free),
};
console.log(JSON.stringify(details));
await OpenFeature.close();
