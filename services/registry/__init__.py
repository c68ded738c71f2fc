"""One consent at a time, over the İYS wire; accounts, brands, headers and grants."""
