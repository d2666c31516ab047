"""`gate init`: the first files for a repository, made from what is in it."""
