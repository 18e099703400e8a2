"""Who uses the desk: users, passwords, second factors, sessions."""
