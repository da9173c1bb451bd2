"""Azure Resource Manager: App Service through azure-mgmt-web, everything else by plain requests."""
