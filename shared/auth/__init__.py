"""Who is asking, and what may they do: tokens, principals, rights, all from memory."""
