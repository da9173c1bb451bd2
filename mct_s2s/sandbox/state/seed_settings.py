"""Application settings of the seed's sites, as mixed as after years of configuration."""

from __future__ import annotations

JWT = "0f5c2b1d"
"""The version of a secret that a setting names."""

PRODUCTION: dict[str, str | None] = {
    "APPINSIGHTS_INSTRUMENTATIONKEY": "8d2c35d1-1b3f-43b2-9f3e-0c0a4bb1e5a7",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=8d2c35d1-1b3f-43b2-9f3e-0c0a4bb1e5a7;"
    "IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
    "ApplicationInsightsAgent_EXTENSION_VERSION": "~2",
    "XDT_MicrosoftApplicationInsights_Mode": "recommended",
    "ASPNETCORE_ENVIRONMENT": "Production",
    "WEBSITE_RUN_FROM_PACKAGE": "1",
    "WEBSITE_NODE_DEFAULT_VERSION": "~18",
    "WEBSITE_TIME_ZONE": "W. Europe Standard Time",
    "WEBSITE_HTTPLOGGING_RETENTION_DAYS": "7",
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=contosolearnstore;"
    "AccountKey=c2VlZC1vbmx5LW5vdC1hLWtleQ==;EndpointSuffix=core.windows.net",
    "ConnectionStrings:MctDatabase": "Server=tcp:contosolearn-sql.database.windows.net,1433;Database=mct;"
    'User ID=mct;Password="p;w=d";Encrypt=True;',
    "ConnectionStrings__Redis": "contosolearn.redis.cache.windows.net:6380,password=seed=,ssl=True,abortConnect=False",
    "SqlPassword": "@Microsoft.KeyVault(SecretUri=https://contosolearn-kv.vault.azure.net/secrets/sql-password/)",
    "SmtpPassword": "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=smtp-password)",
    "JwtSigningKey": "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=jwt;SecretVersion=0f5c2b1d)",
    "OrganizationName": "Contoso Learning",
    "OrganizationNameLocal": "कॉन्टोसो लर्निंग · Ünïcödé ✓",
    "WelcomeMessage": 'Welcome to "Contoso Learning"; let\'s begin = now',
    "SupportEmail": "help@contosolearning.com",
    "DefaultCulture": "en-IN",
    "SupportedCultures": "en-IN;hi-IN;kn-IN;ta-IN",
    "FeatureFlags:Certificates": "true",
    "FeatureFlags:Leaderboard": "false",
    "FeatureFlags__OfflineDownload": "true",
    "Logging:LogLevel:Default": "Warning",
    "Logging__LogLevel__Microsoft": "Error",
    "BannerText": "",
    "LegacyTheme": "",
    "AadClientId": "1d4fa0a3-7f9b-4a5c-8a5e-6f1c0a2f9b11",
    "AadTenant": "contosolearning.onmicrosoft.com",
    "AadB2CPolicy": "B2C_1_signin",
    "MediaServicesAccount": "contosolearnmedia",
    "CdnEndpoint": "https://contosolearn.azureedge.net/",
    "BlobContainer": "content",
    "MaxUploadMb": "500",
    "SessionTimeout": "00:30:00",
    "AllowedOrigins": '["https://contosolearn.azurewebsites.net","https://learn.contosolearning.com"]',
    "ReportCron": "0 0 2 * * *",
    "SlotName": "production",
    "TwilioSid": "AC0000000000000000000000000000seed",
    "Path.With.Dots": "C:\\home\\site\\wwwroot",
    "WEBSITE_CONTENTOVERVNET": "0",
}

STAGING: dict[str, str | None] = {
    "ASPNETCORE_ENVIRONMENT": "Staging",
    "ConnectionStrings:MctDatabase": "Server=tcp:contosolearn-sql.database.windows.net,1433;Database=mct-staging;",
    "SlotName": "staging",
    "OrganizationName": "Contoso Learning (staging)",
    "BannerText": "",
    "WEBSITE_RUN_FROM_PACKAGE": "1",
}

STICKY = ("SlotName", "ASPNETCORE_ENVIRONMENT", "ConnectionStrings:MctDatabase")

FUNCTION_APP: dict[str, str | None] = {
    "AzureWebJobsStorage": PRODUCTION["AzureWebJobsStorage"],
    "FUNCTIONS_EXTENSION_VERSION": "~4",
    "FUNCTIONS_WORKER_RUNTIME": "dotnet",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING": PRODUCTION["AzureWebJobsStorage"],
    "WEBSITE_CONTENTSHARE": "contosolearn-fa-x7k2q",
    "MctBaseUrl": "https://contosolearn.azurewebsites.net",
}
