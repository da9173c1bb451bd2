// Preloaded into every Node.js process (NODE_OPTIONS=--require): what a hosts file does for port 443, without being root.
// Azure's own names lead to the sandbox on this machine, at SANDBOX_PORT; this machine's own names stay as they are,
// and everything else leads nowhere.
'use strict';
const net = require('node:net');

const PORT = Number(process.env.SANDBOX_PORT);
const AZURE = [
  'login.microsoftonline.com',
  'login.windows.net',
  'login.microsoft.com',
  'sts.windows.net',
  'graph.microsoft.com',
  'management.azure.com',
];
const AZURES_CUSTOMERS = ['.azurewebsites.net', '.vault.azure.net'];
const HERE = ['localhost', '127.0.0.1', '::1'];

function led(options) {
  const host = String(options.host || 'localhost').toLowerCase();
  if (HERE.includes(host)) return options;
  const known = AZURE.includes(host) || AZURES_CUSTOMERS.some((suffix) => host.endsWith(suffix));
  // A copy: TLS goes on to check the certificate against the name in the original.
  return { ...options, host: '127.0.0.1', port: known ? PORT : 9, lookup: undefined };
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  // net.connect hands over what it has made of its arguments: an array with the options, marked by a symbol.
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  if (typeof options === 'object' && options !== null && !options.path) {
    if (Array.isArray(given[0])) given[0][0] = led(options);
    else given[0] = led(options);
  }
  return connect.apply(this, given);
};
