"""How current an answer is: what the service has received and not processed yet."""
