"""Which properties an object of Graph v1.0 has, of which type, and which of them only the service writes.

One entry per type: `name:Type`, `?` nullable, `!` read-only, `[T]` a collection of T. A type in lower case is
another line of the table. Source: microsoftgraph/msgraph-metadata, schemas/v1.0-Prod.csdl; read-only: the
resource pages of the reference (graph: resources/application, resources/serviceprincipal, resources/approle).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

OPEN_TYPES = frozenset({"application", "servicePrincipal"})

ON_REQUEST = {
    "application": frozenset(
        {"authenticationBehaviors", "createdByAppId", "isDisabled", "managerApplications", "oauth2RequirePostResponse"}
    ),
    "servicePrincipal": frozenset({"createdByAppId", "customSecurityAttributes", "isDisabled"}),
    "user": frozenset({"accountEnabled", "userType"}),
}
"""Members that an object shows only where `$select` names them: recorded answers do not have them.

Source: docs/azure-contract.md, section 3.2; graph: api/user-get ("default set of properties").
"""

_TABLE = """
application id:String! deletedDateTime:DateTimeOffset?! addIns:[addIn] api:apiApplication? appId:String?!
  appRoles:[appRole] applicationTemplateId:String?! authenticationBehaviors:authenticationBehaviors?
  certification:certification?! createdByAppId:String?! createdDateTime:DateTimeOffset?!
  defaultRedirectUri:String? description:String? disabledByMicrosoftStatus:String?! displayName:String?
  groupMembershipClaims:String? identifierUris:[String] info:informationalUrl?
  isDeviceOnlyAuthSupported:Boolean? isDisabled:Boolean? isFallbackPublicClient:Boolean?
  keyCredentials:[keyCredential] managerApplications:[Guid] nativeAuthenticationApisEnabled:String?
  notes:String? oauth2RequirePostResponse:Boolean optionalClaims:optionalClaims?
  parentalControlSettings:parentalControlSettings? passwordCredentials:[passwordCredential]
  publicClient:publicClientApplication? publisherDomain:String?!
  requestSignatureVerification:requestSignatureVerification?
  requiredResourceAccess:[requiredResourceAccess] samlMetadataUrl:String?
  serviceManagementReference:String? servicePrincipalLockConfiguration:servicePrincipalLockConfiguration?
  signInAudience:String? spa:spaApplication? tags:[String] tokenEncryptionKeyId:Guid? uniqueName:String?
  verifiedPublisher:verifiedPublisher?! web:webApplication?
servicePrincipal id:String! deletedDateTime:DateTimeOffset?! accountEnabled:Boolean? addIns:[addIn]
  alternativeNames:[String] appDescription:String?! appDisplayName:String?! appId:String?
  appOwnerOrganizationId:Guid?! appRoleAssignmentRequired:Boolean appRoles:[appRole]!
  applicationTemplateId:String?! createdByAppId:String?!
  customSecurityAttributes:customSecurityAttributeValue? description:String?
  disabledByMicrosoftStatus:String?! displayName:String? homepage:String? info:informationalUrl?!
  isDisabled:Boolean?! keyCredentials:[keyCredential] loginUrl:String? logoutUrl:String? notes:String?
  notificationEmailAddresses:[String] oauth2PermissionScopes:[permissionScope]!
  passwordCredentials:[passwordCredential] preferredSingleSignOnMode:String?
  preferredTokenSigningKeyThumbprint:String? replyUrls:[String]
  resourceSpecificApplicationPermissions:[resourceSpecificPermission]!
  samlSingleSignOnSettings:samlSingleSignOnSettings? servicePrincipalNames:[String]
  servicePrincipalType:String?! signInAudience:String?! tags:[String] tokenEncryptionKeyId:Guid?
  verifiedPublisher:verifiedPublisher?!
appRoleAssignment id:String! deletedDateTime:DateTimeOffset?! appRoleId:Guid
  createdDateTime:DateTimeOffset?! principalDisplayName:String?! principalId:Guid? principalType:String?!
  resourceDisplayName:String?! resourceId:Guid?
oAuth2PermissionGrant clientId:Guid consentType:String id:String! principalId:Guid? resourceId:Guid
  scope:String?
federatedIdentityCredential id:String! audiences:[String] description:String? issuer:String name:String
  subject:String?
addIn id:Guid? properties:[keyValue] type:String
keyValue key:String? value:String?
apiApplication acceptMappedClaims:Boolean? knownClientApplications:[Guid]?
  oauth2PermissionScopes:[permissionScope] preAuthorizedApplications:[preAuthorizedApplication]?
  requestedAccessTokenVersion:Int32?
appRole allowedMemberTypes:[String] description:String? displayName:String? id:Guid isEnabled:Boolean
  origin:String? value:String?
permissionScope adminConsentDescription:String? adminConsentDisplayName:String? id:Guid isEnabled:Boolean
  origin:String? type:String? userConsentDescription:String? userConsentDisplayName:String? value:String?
preAuthorizedApplication appId:String? delegatedPermissionIds:[String]
requiredResourceAccess resourceAccess:[resourceAccess] resourceAppId:String
resourceAccess id:Guid type:String?
resourceSpecificPermission description:String? displayName:String? id:Guid isEnabled:Boolean value:String?
passwordCredential customKeyIdentifier:Binary? displayName:String? endDateTime:DateTimeOffset?
  hint:String? keyId:Guid? secretText:String? startDateTime:DateTimeOffset?
keyCredential customKeyIdentifier:Binary? displayName:String? endDateTime:DateTimeOffset? key:Binary?
  keyId:Guid? startDateTime:DateTimeOffset? type:String? usage:String?
authenticationBehaviors blockAzureADGraphAccess:Boolean? removeUnverifiedEmailClaim:Boolean?
  requireClientServicePrincipal:Boolean?
certification certificationDetailsUrl:String? certificationExpirationDateTime:DateTimeOffset?
  isCertifiedByMicrosoft:Boolean? isPublisherAttested:Boolean? lastCertificationDateTime:DateTimeOffset?
informationalUrl logoUrl:String?! marketingUrl:String? privacyStatementUrl:String? supportUrl:String?
  termsOfServiceUrl:String?
optionalClaims accessToken:[optionalClaim]? idToken:[optionalClaim]? saml2Token:[optionalClaim]?
optionalClaim additionalProperties:[String]? essential:Boolean name:String source:String?
parentalControlSettings countriesBlockedForMinors:[String]? legalAgeGroupRule:String?
publicClientApplication redirectUris:[String]
requestSignatureVerification allowedWeakAlgorithms:String? isSignedRequestRequired:Boolean
servicePrincipalLockConfiguration allProperties:Boolean? credentialsWithUsageSign:Boolean?
  credentialsWithUsageVerify:Boolean? isEnabled:Boolean tokenEncryptionKeyId:Boolean?
spaApplication redirectUris:[String]
verifiedPublisher addedDateTime:DateTimeOffset? displayName:String? verifiedPublisherId:String?
webApplication homePageUrl:String? implicitGrantSettings:implicitGrantSettings? logoutUrl:String?
  redirectUriSettings:[redirectUriSettings] redirectUris:[String]
implicitGrantSettings enableAccessTokenIssuance:Boolean? enableIdTokenIssuance:Boolean?
redirectUriSettings index:Int32? uri:String?
samlSingleSignOnSettings relayState:String?
customSecurityAttributeValue
organization id:String! deletedDateTime:DateTimeOffset?! assignedPlans:[assignedPlan] businessPhones:[String]
  city:String? country:String? countryLetterCode:String? createdDateTime:DateTimeOffset?!
  defaultUsageLocation:String? directorySizeQuota:directorySizeQuota? displayName:String?
  isMultipleDataLocationsForServicesEnabled:Boolean? marketingNotificationEmails:[String]
  onPremisesLastSyncDateTime:DateTimeOffset? onPremisesSyncEnabled:Boolean? partnerTenantType:String?
  postalCode:String? preferredLanguage:String? provisionedPlans:[assignedPlan]
  securityComplianceNotificationMails:[String] securityComplianceNotificationPhones:[String] state:String?
  street:String? technicalNotificationMails:[String] tenantType:String?! verifiedDomains:[verifiedDomain]!
assignedPlan assignedDateTime:DateTimeOffset? capabilityStatus:String? service:String? servicePlanId:Guid?
directorySizeQuota total:Int32? used:Int32?
verifiedDomain capabilities:String? isDefault:Boolean? isInitial:Boolean? name:String? type:String?
user id:String! businessPhones:[String] displayName:String? givenName:String? jobTitle:String? mail:String?
  mobilePhone:String? officeLocation:String? preferredLanguage:String? surname:String?
  userPrincipalName:String? userType:String? accountEnabled:Boolean?
directoryRole id:String! deletedDateTime:DateTimeOffset?! description:String? displayName:String?
  roleTemplateId:String?
"""


@dataclass(frozen=True)
class Property:
    """One property of a type: `type` is an Edm name or another type of the table."""

    name: str
    type: str
    collection: bool
    nullable: bool
    read_only: bool


def _property(text: str) -> Property:
    name, _, rest = text.partition(":")
    read_only, rest = rest.endswith("!"), rest.removesuffix("!")
    nullable, rest = rest.endswith("?"), rest.removesuffix("?")
    return Property(name, rest.strip("[]"), rest.startswith("["), nullable, read_only)


TYPES: dict[str, dict[str, Property]] = {
    words[0]: {found.name: found for found in map(_property, words[1:])}
    for words in (entry.split() for entry in re.split(r"\n(?! )", _TABLE.strip()))
}


def blank(type_name: str) -> dict[str, Any]:
    """Return an object of this type with every property present and nothing in any of them.

    Source: graph: api/application-post-applications, whose answer shows each property, empty ones as `[]` or
    `null`.
    """
    empty: dict[str, Any] = {}
    for prop in TYPES[type_name].values():
        if prop.collection:
            empty[prop.name] = None if prop.nullable else []
        else:
            empty[prop.name] = False if prop.type == "Boolean" and not prop.nullable else None
    return empty
