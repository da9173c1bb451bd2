"""Azure Resource Manager through azure-mgmt-web and azure-mgmt-resource."""
