"""The directory's side: the service application, its clients, and whose registrations they are."""
