"""What an admin does to stocks: edit, mark, map symbols, merge. For the admin's pages and the API; nothing commits."""
