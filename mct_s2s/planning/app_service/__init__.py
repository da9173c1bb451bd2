"""The App Service's side: what is one, its settings, its slots, and the apps that call it."""
