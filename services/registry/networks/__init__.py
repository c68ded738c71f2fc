"""From where an account may act: a list of networks, kept by the account itself or by staff."""
