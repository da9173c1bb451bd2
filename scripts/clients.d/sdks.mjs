// What the JavaScript SDKs do for scripts/clients: `sdks.mjs read-back|make-client|call …` ends with 0, or says what is wrong.
// They are told nothing of the sandbox: `azure_names.cjs` leads Azure's names there.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { WebSiteManagementClient } from '@azure/arm-appservice';
import { ClientSecretCredential } from '@azure/identity';
import { Client } from '@microsoft/microsoft-graph-client';
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js';

const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_SUBSCRIPTION_ID, MCT_S2S_URL } = process.env;
const SITE = ['mct-prod', 'contosolearn'];
const FUNCTION_APP = ['integrations', 'reports-func'];

const administrator = new ClientSecretCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET);
const scopes = ['https://graph.microsoft.com/.default'];
const graph = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(administrator, { scopes }),
});
const web = new WebSiteManagementClient(administrator, AZURE_SUBSCRIPTION_ID);

async function principalOf(appId) {
  return graph.api(`/servicePrincipals(appId='${appId}')`).get();
}

// The trust that mct-s2s made, in files like those of the Azure CLI, for the same checks.
async function readBack(folder, audience, client) {
  const api = audience.replace('api://', '');
  const save = (name, content) => writeFileSync(join(folder, name), JSON.stringify(content));
  const byUri = await graph.api('/applications').filter(`identifierUris/any(uri:uri eq '${audience}')`).get();
  const byName = await graph.api('/applications').filter(`appId eq '${client}'`).get();
  save('api.json', byUri.value[0]);
  save('client-app.json', byName.value[0]);
  save('api-principal.json', await principalOf(api));
  save('client-principal.json', await principalOf(client));
  save('assignments.json', await graph.api(`/servicePrincipals(appId='${api}')/appRoleAssignedTo`).get());
  save('identity.json', (await web.webApps.get(...FUNCTION_APP)).identity);
  const { properties } = await web.webApps.listApplicationSettings(...SITE);
  const sticky = (await web.webApps.listSlotConfigurationNames(...SITE)).appSettingNames ?? [];
  const rows = Object.entries(properties).map(([name, value]) => ({ name, value, slotSetting: sticky.includes(name) }));
  save('settings-ours', rows);
}

// The document's second approach by hand: a registration with a secret, its consent, its place on the allow list.
async function makeClient(name, audience, file) {
  const resource = await principalOf(audience.replace('api://', ''));
  const role = resource.appRoles.find((each) => each.value === 'S2SAppRole').id;
  const access = [{ resourceAppId: resource.appId, resourceAccess: [{ id: role, type: 'Role' }] }];
  const made = await graph
    .api('/applications')
    .post({ displayName: name, signInAudience: 'AzureADMyOrg', requiredResourceAccess: access });
  const principal = await graph.api('/servicePrincipals').post({ appId: made.appId });
  const passwordCredential = { displayName: 'clients' };
  const { secretText } = await graph.api(`/applications/${made.id}/addPassword`).post({ passwordCredential });
  writeFileSync(file, JSON.stringify({ appId: made.appId, password: secretText }));
  const assignment = { principalId: principal.id, resourceId: resource.id, appRoleId: role };
  await graph.api(`/servicePrincipals/${principal.id}/appRoleAssignments`).post(assignment);
  const { properties } = await web.webApps.listApplicationSettings(...SITE);
  const allowed = [properties.ServiceApplicationIds, made.appId].filter(Boolean).join(';');
  await web.webApps.updateApplicationSettings(...SITE, {
    properties: { ...properties, ServiceApplicationIds: allowed },
  });
  await web.webApps.restart(...SITE);
}

async function call(file, audience) {
  const { appId, password } = JSON.parse(readFileSync(file, 'utf8'));
  const { token } = await new ClientSecretCredential(AZURE_TENANT_ID, appId, password).getToken(`${audience}/.default`);
  const headers = { Authorization: `Bearer ${token}`, ClientType: 'Service' };
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(`${MCT_S2S_URL}/api/v1/organization`, { headers });
    if (answer.status === 200) return;
    if (answer.status !== 503) throw new Error(`The MCT API answered ${answer.status}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The MCT API is still restarting.');
}

const CHECKS = { 'read-back': readBack, 'make-client': makeClient, call };
const [name, ...given] = process.argv.slice(2);
await CHECKS[name](...given);
