"""Mail that no provider turns into requests: taken from mail servers, and fetched from mailboxes."""
